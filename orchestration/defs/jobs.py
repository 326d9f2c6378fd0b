"""What can be asked for as one piece: a source from delivery to publication, or all that follows the loads."""

from typing import Any

import dagster as dg

from orchestration.lib.sources import MEASUREMENTS

SHARED = dg.AssetSelection.groups("catalog", "publish").materializable()


def source_job(measurement: str) -> Any:
    """Load, transform, model and publish one source, for the deliveries that the run names."""
    return dg.define_asset_job(
        measurement,
        selection=dg.AssetSelection.groups(measurement) | SHARED,
        description=f"Chosen deliveries of {measurement}: loaded, transformed, modelled, tested and published.",
    )


marts = dg.define_asset_job(
    "marts",
    selection=dg.AssetSelection.all() - dg.AssetSelection.key_prefixes("raw"),
    description="All models from what is loaded: built, tested and published.",
)
source_jobs = [source_job(measurement) for measurement in MEASUREMENTS]
jobs = [*source_jobs, marts]
