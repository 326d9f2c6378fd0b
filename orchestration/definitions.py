"""Entry point of Dagster: every definition, and the home that they work on."""

import dagster as dg

from orchestration.defs import (
    balance,
    bloodtest,
    catalog,
    dbt,
    ecg,
    jobs,
    practice,
    publish,
    schedules,
    sensors,
    wearable,
)
from orchestration.lib.core import progress
from orchestration.lib.core.home import Home
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources import open_warehouse

# A new source is its module here.
RAW_ASSETS = [*ecg.assets, *bloodtest.assets, *practice.assets, *balance.assets, *wearable.assets]


def definitions(home: Home) -> dg.Definitions:
    """Everything that Dagster knows, on the data of this home."""
    return dg.Definitions(
        assets=[*RAW_ASSETS, *catalog.tables, *dbt.assets, *publish.assets],
        asset_checks=[*balance.checks],
        jobs=jobs.jobs,
        schedules=schedules.schedules,
        sensors=sensors.sensors,
        # The steps of a run hold the warehouse one after the other: processes of their own would only cost their start.
        executor=dg.in_process_executor,
        resources={
            "home": home,
            "lake": Lake(home.lake_path),
            "warehouse": open_warehouse(home.warehouse_path, say=progress.write),
            "dbt_cli": dbt.resource,
        },
    )


defs = definitions(Home.from_environment().ensure())
