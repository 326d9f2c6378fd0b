"""What runs by the clock: once a night the day's deliveries of the watches, whether or not the sensor is on."""

import os

import dagster as dg

from orchestration.defs.jobs import source_jobs
from orchestration.defs.sensors import look
from orchestration.lib.build import RANGE_TAGS, partition_keys, ranges
from orchestration.lib.home import Home
from orchestration.lib.lake import Lake
from orchestration.lib.turn import NotYourTurn, turn
from orchestration.lib.warehouse import WarehouseLocked

# After midnight, when the day that is loaded is over. Another zone than UTC: VITALHOUSE_TIMEZONE=Europe/Berlin.
TIMEZONE = os.environ.get("VITALHOUSE_TIMEZONE", "UTC")


@dg.schedule(
    job=next(job for job in source_jobs if job.name == "wearable"),
    cron_schedule="0 1 * * *",
    execution_timezone=TIMEZONE,
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def nightly_wearable(
    context: dg.ScheduleEvaluationContext, home: dg.ResourceParam[Home], lake: dg.ResourceParam[Lake]
) -> list[dg.RunRequest] | dg.SkipReason:
    """Claims what the watches' providers wrote and asks for a run of the deliveries that have something new."""
    try:
        with turn(home.build_lock_path, wait=False):
            new = look(context.instance, lake, home, "wearable")
    except (NotYourTurn, WarehouseLocked) as busy:
        return dg.SkipReason(str(busy))
    found = ranges(list(new), partition_keys(context.instance, "wearable"), exact=False)
    if not found:
        return dg.SkipReason("nothing new has come")
    return [dg.RunRequest(tags=dict(zip(RANGE_TAGS, keys, strict=True))) for keys in found]


schedules = [nightly_wearable]
