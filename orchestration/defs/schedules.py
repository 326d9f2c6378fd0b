"""What runs by the clock: sources that never stop growing, every ten minutes, and a day's deliveries of the watches."""

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

# Measurements that a schedule alone loads, since no sensor could call their deliveries complete.
SCHEDULED = ("practice",)
# Dagster gives a schedule 60 s to say what it wants. A build that holds the warehouse longer than this is not waited
# for here but by the run.
LOOK_SECONDS = 20.0
# One o'clock is after midnight, when the day that is loaded is over: in which zone, a study may say
# (VITALHOUSE_TIMEZONE=Europe/Berlin).
TIMEZONE = os.environ.get("VITALHOUSE_TIMEZONE", "UTC")


def _job(measurement: str) -> Any:
    return next(job for job in source_jobs if job.name == measurement)


@dg.schedule(job=_job("practice"), cron_schedule="*/10 * * * *", default_status=dg.DefaultScheduleStatus.RUNNING)
def practice_every_ten_minutes(
    context: dg.ScheduleEvaluationContext, home: dg.ResourceParam[Home], lake: dg.ResourceParam[Lake]
) -> list[dg.RunRequest] | dg.SkipReason:
    """Loads what doctor's offices have published since, and updates their revenue.

    What lies in `latest/` the sensor claims: two claims at once would be in each other's way.
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
    """Loads the day's deliveries of the watches, whether or not the sensor is on."""
    try:
        with hold_lock(home.build_lock_path, wait=False):
            claim(lake, entities_of(ENTITIES, "wearable"))
    except LockHeld:
        pass  # whose turn it is claims
    return run_requests(context.instance, home, lake, "wearable", settle_seconds=SETTLE_SECONDS)


def run_requests(
    instance: dg.DagsterInstance, home: Home, lake: Lake, measurement: str, settle_seconds: float
) -> list[dg.RunRequest] | dg.SkipReason:
    """Asks for runs of a measurement's job for the deliveries that have something new."""
    queued = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED]
    if instance.get_runs_count(dg.RunsFilter(job_name=measurement, statuses=queued)):
        return dg.SkipReason("the run before has not begun: it will take what has come since, too")
    deliveries = lake.deliveries(measurement)
    register_partitions(instance, measurement, deliveries)
    try:
        with open_warehouse(home.warehouse_path, lock_timeout_seconds=LOOK_SECONDS).write() as con:
            new = list(new_deliveries.changed_deliveries(lake, con, measurement, settle_seconds))
    except WarehouseLocked:
        # What is new cannot be told; today's deliveries have the latest names, and the next look finds the rest.
        new = list({delivery.clinic: delivery.key for delivery in deliveries}.values())
    if not new:
        return dg.SkipReason("nothing new has come")
    return [
        dg.RunRequest(tags=dict(zip(RANGE_TAGS, keys, strict=True)))
        for keys in partition_ranges(new, partition_keys(instance, measurement), exact=False)
    ]


schedules = [practice_every_ten_minutes, wearable_every_night]
