"""Define jobs: a source from delivery to publication, the loads of a source, and everything after the loads."""

from typing import Any

import dagster as dg

from orchestration.defs.dbt import dbt_models
from orchestration.lib.sources import MEASUREMENTS


def tests_of(*schemas: str) -> dg.AssetSelection:
    """Select the dbt tests of tables that no step of the job makes; the other tests belong to the job anyway."""
    return dg.AssetSelection.checks(*(key for key in dbt_models.check_keys if key.asset_key.path[0] in schemas))


def source_job(measurement: str) -> Any:
    """Define the job that loads, transforms, models, tests and publishes one source, for the run's deliveries."""
    return dg.define_asset_job(
        measurement,
        selection=dg.AssetSelection.groups(measurement, "catalog", "publish") | tests_of("catalog"),
        description=f"Load, transform, model, test and publish selected deliveries of {measurement}.",
    )


def load_job(measurement: str) -> Any:
    """Define the job that loads and transforms one source. A build runs several of these, and then `marts`."""
    return dg.define_asset_job(
        f"load_{measurement}",
        selection=(dg.AssetSelection.groups(measurement) & dg.AssetSelection.key_prefixes("raw")).without_checks(),
        description=f"Load and transform selected deliveries of {measurement}. The job marts models and tests them.",
    )


marts = dg.define_asset_job(
    "marts",
    selection=dg.AssetSelection.all() - dg.AssetSelection.key_prefixes("raw") | tests_of("catalog", "raw"),
    description="Build, test and publish all models from the loaded rows.",
)
source_jobs = [source_job(measurement) for measurement in MEASUREMENTS]
jobs = [*source_jobs, *(load_job(measurement) for measurement in MEASUREMENTS), marts]
