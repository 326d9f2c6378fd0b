"""What can be asked for as one piece: a source from delivery to publication, or all that follows the loads."""

from typing import Any

import dagster as dg

from orchestration.defs.dbt import dbt_models
from orchestration.lib.sources import MEASUREMENTS


def tests_of(*schemas: str) -> dg.AssetSelection:
    """dbt's tests of tables that no step of the job makes; a job has those of what it makes anyway."""
    return dg.AssetSelection.checks(*(key for key in dbt_models.check_keys if key.asset_key.path[0] in schemas))


def source_job(measurement: str) -> Any:
    """Load, transform, model, test and publish one source, for the deliveries that the run names."""
    return dg.define_asset_job(
        measurement,
        selection=dg.AssetSelection.groups(measurement, "catalog", "publish") | tests_of("catalog"),
        description=f"Chosen deliveries of {measurement}: loaded, transformed, modelled, tested and published.",
    )


def load_job(measurement: str) -> Any:
    """Load and transform one source, for the deliveries that the run names: several of these, and then `marts`."""
    return dg.define_asset_job(
        f"load_{measurement}",
        selection=(dg.AssetSelection.groups(measurement) & dg.AssetSelection.key_prefixes("raw")).without_checks(),
        description=f"Chosen deliveries of {measurement}: loaded and transformed. The job marts tests and models them.",
    )


marts = dg.define_asset_job(
    "marts",
    selection=dg.AssetSelection.all() - dg.AssetSelection.key_prefixes("raw") | tests_of("catalog", "raw"),
    description="All models from what is loaded: built, tested and published.",
)
source_jobs = [source_job(measurement) for measurement in MEASUREMENTS]
jobs = [*source_jobs, *(load_job(measurement) for measurement in MEASUREMENTS), marts]
