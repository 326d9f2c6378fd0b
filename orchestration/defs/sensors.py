"""Define the sensor that finds new deliveries and requests a run of their source's job."""

import json

import dagster as dg

from orchestration.defs.jobs import source_jobs
from orchestration.defs.schedules import SCHEDULED
from orchestration.lib.build.partitions import (
    RANGE_TAGS,
    fail_orphaned_runs,
    partition_keys,
    partition_ranges,
    register_partitions,
)
from orchestration.lib.catalog.new_deliveries import changed_deliveries
from orchestration.lib.contract.entity import entities_of
from orchestration.lib.core.home import Home
from orchestration.lib.core.lock import LockHeld, hold_lock
from orchestration.lib.lake.claim import claim
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources import ENTITIES, MEASUREMENTS, open_warehouse
from orchestration.lib.warehouse.connection import WarehouseLocked

# A provider's upload is loaded within a minute; a tick costs milliseconds.
INTERVAL_SECONDS = 30


@dg.sensor(jobs=source_jobs, minimum_interval_seconds=INTERVAL_SECONDS, default_status=dg.DefaultSensorStatus.RUNNING)
def new_deliveries(
    context: dg.SensorEvaluationContext, home: dg.ResourceParam[Home], lake: dg.ResourceParam[Lake]
) -> dg.SensorResult | dg.SkipReason:
    """Claim the files in `latest/`, register new deliveries as partitions, and request runs for those that changed.

    Deliveries of a source with a schedule are claimed and registered here, and loaded by the schedule.
    """
    seen = json.loads(context.cursor or "{}")
    try:
        with hold_lock(home.build_lock_path, wait=False):
            fail_orphaned_runs(context.instance)
            changed = {
                measurement: claim_and_find_changes(context.instance, lake, home, measurement)
                for measurement in MEASUREMENTS
            }
    except (LockHeld, WarehouseLocked) as busy:
        return dg.SkipReason(str(busy))
    requests = [
        dg.RunRequest(job_name=measurement, tags=dict(zip(RANGE_TAGS, keys, strict=True)))
        for measurement, newest in changed.items()
        if measurement not in SCHEDULED
        # If a run failed, or found a file that was still being written, the next request comes with the next change.
        if newest != seen.get(measurement)
        for keys in partition_ranges(list(newest), partition_keys(context.instance, measurement), exact=False)
    ]
    return dg.SensorResult(requests, cursor=json.dumps(changed))


def claim_and_find_changes(instance: dg.DagsterInstance, lake: Lake, home: Home, measurement: str) -> dict[str, int]:
    """Claim and register deliveries; return those that changed, with the time of the change."""
    claim(lake, entities_of(ENTITIES, measurement))
    register_partitions(instance, measurement, lake.deliveries(measurement))
    with open_warehouse(home.warehouse_path, lock_timeout_seconds=0).write() as con:
        return changed_deliveries(lake, con, measurement)


sensors = [new_deliveries]
