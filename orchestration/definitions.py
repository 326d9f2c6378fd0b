"""Collect every definition for Dagster, on the data of one home."""

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

# A new source adds its module here.
RAW_ASSETS = [*ecg.assets, *bloodtest.assets, *practice.assets, *balance.assets, *wearable.assets]


def definitions(home: Home) -> dg.Definitions:
    """Define everything that Dagster runs, on the data of this home."""
    return dg.Definitions(
        assets=[*RAW_ASSETS, *catalog.tables, *dbt.assets, *publish.assets],
        asset_checks=[*balance.checks],
        jobs=jobs.jobs,
        schedules=schedules.schedules,
        sensors=sensors.sensors,
        # The steps of a run hold the warehouse one after the other: a process for each step would only cost its start.
        executor=dg.in_process_executor,
        resources={
            "home": home,
            "lake": Lake(home.lake_path),
            "warehouse": open_warehouse(home.warehouse_path, say=progress.write),
            "dbt_cli": dbt.resource,
        },
    )


defs = definitions(Home.from_environment().ensure())
