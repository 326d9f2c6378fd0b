"""What runs by the clock: sources whose deliveries never stop growing, so that no sensor could call them complete."""

import dagster as dg

from orchestration.defs.jobs import source_jobs
from orchestration.lib import arrivals
from orchestration.lib.build import RANGE_TAGS, partition_keys, ranges, register
from orchestration.lib.home import Home
from orchestration.lib.lake import Lake
from orchestration.lib.warehouse import Warehouse, WarehouseLocked

# Measurements that a schedule loads: the sensor leaves them alone.
SCHEDULED = ("practice",)
# Dagster gives a schedule 60 s to say what it wants. A build that holds the warehouse longer than this is not waited
# for here but by the run.
LOOK_SECONDS = 20.0


@dg.schedule(
    job=next(job for job in source_jobs if job.name == "practice"),
    cron_schedule="*/10 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def practice_every_ten_minutes(
    context: dg.ScheduleEvaluationContext, home: dg.ResourceParam[Home], lake: dg.ResourceParam[Lake]
) -> list[dg.RunRequest] | dg.SkipReason:
    """Loads what doctor's offices have published since, and updates their revenue.

    What lies in `latest/` the sensor claims: two claims at once would be in each other's way.
    """
    instance = context.instance
    waiting = dg.RunsFilter(job_name="practice", statuses=[dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED])
    if instance.get_runs_count(waiting):
        return dg.SkipReason("the run before has not begun: it will take what has come since, too")
    deliveries = lake.deliveries("practice")
    register(instance, "practice", deliveries)
    try:
        with Warehouse(home.warehouse_path, lock_timeout_seconds=LOOK_SECONDS).write() as con:
            new = list(arrivals.changes(lake, con, "practice", settle_seconds=0))
    except WarehouseLocked:
        # What is new cannot be told; today's deliveries have the latest names, and the next look finds the rest.
        new = list({delivery.clinic: delivery.key for delivery in deliveries}.values())
    if not new:
        return dg.SkipReason("nothing new has come")
    return [
        dg.RunRequest(tags=dict(zip(RANGE_TAGS, keys, strict=True)))
        for keys in ranges(new, partition_keys(instance, "practice"), exact=False)
    ]


schedules = [practice_every_ten_minutes]
