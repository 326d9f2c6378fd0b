"""Define schedules: every ten minutes for sources that never stop growing, every night for the watches' deliveries."""

import os
from typing import Any

import dagster as dg

from orchestration.defs.jobs import source_jobs
from orchestration.lib.build.partitions import RANGE_TAGS, partition_keys, partition_ranges, register_partitions
from orchestration.lib.catalog import new_deliveries
from orchestration.lib.contract.entity import entities_of
from orchestration.lib.core.home import Home
from orchestration.lib.core.lock import LockHeld, hold_lock
from orchestration.lib.lake.claim import claim
from orchestration.lib.lake.delivery import SETTLE_SECONDS
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources import ENTITIES, open_warehouse
from orchestration.lib.warehouse.connection import WarehouseLocked

# Measurements that only a schedule loads: their deliveries are never complete, and a sensor would load them all day.
SCHEDULED = ("practice",)
# Dagster gives a schedule 60 s. If a build holds the warehouse longer than this, the run waits for it instead.
LOOK_SECONDS = 20.0
# At one o'clock the day that is loaded is over. A study sets its time zone: VITALHOUSE_TIMEZONE=Europe/Berlin.
TIMEZONE = os.environ.get("VITALHOUSE_TIMEZONE", "UTC")


def _job(measurement: str) -> Any:
    return next(job for job in source_jobs if job.name == measurement)


@dg.schedule(job=_job("practice"), cron_schedule="*/10 * * * *", default_status=dg.DefaultScheduleStatus.RUNNING)
def practice_every_ten_minutes(
    context: dg.ScheduleEvaluationContext, home: dg.ResourceParam[Home], lake: dg.ResourceParam[Lake]
) -> list[dg.RunRequest] | dg.SkipReason:
    """Load new claims and diagnoses of doctor's offices, and update their revenue.

    The sensor claims what is in `latest/`: two claims at the same time would disturb each other.
    """
    return run_requests(context.instance, home, lake, "practice", settle_seconds=0)


@dg.schedule(
    job=_job("wearable"),
    cron_schedule="0 1 * * *",
    execution_timezone=TIMEZONE,
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def wearable_every_night(
    context: dg.ScheduleEvaluationContext, home: dg.ResourceParam[Home], lake: dg.ResourceParam[Lake]
) -> list[dg.RunRequest] | dg.SkipReason:
    """Load the day's deliveries of the watches, whether or not the sensor is on."""
    try:
        with hold_lock(home.build_lock_path, wait=False):
            claim(lake, entities_of(ENTITIES, "wearable"))
    except LockHeld:
        pass  # the process that holds the lock claims
    return run_requests(context.instance, home, lake, "wearable", settle_seconds=SETTLE_SECONDS)


def run_requests(
    instance: dg.DagsterInstance, home: Home, lake: Lake, measurement: str, settle_seconds: float
) -> list[dg.RunRequest] | dg.SkipReason:
    """Request runs of a measurement's job for the deliveries with new or changed files."""
    queued = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED]
    if instance.get_runs_count(dg.RunsFilter(job_name=measurement, statuses=queued)):
        return dg.SkipReason("the previous run has not begun: it will load the newer deliveries too")
    deliveries = lake.deliveries(measurement)
    register_partitions(instance, measurement, deliveries)
    try:
        with open_warehouse(home.warehouse_path, lock_timeout_seconds=LOOK_SECONDS).write() as con:
            new = list(new_deliveries.changed_deliveries(lake, con, measurement, settle_seconds))
    except WarehouseLocked:
        # Without the warehouse, the changes are unknown. Today's deliveries have the latest names; the next tick finds
        # the rest.
        new = list({delivery.clinic: delivery.key for delivery in deliveries}.values())
    if not new:
        return dg.SkipReason("there are no new deliveries")
    return [
        dg.RunRequest(tags=dict(zip(RANGE_TAGS, keys, strict=True)))
        for keys in partition_ranges(new, partition_keys(instance, measurement), exact=False)
    ]


schedules = [practice_every_ten_minutes, wearable_every_night]
