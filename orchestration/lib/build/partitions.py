"""Register deliveries as Dagster partitions and end the runs of builds that were killed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestration.lib.lake.delivery import Delivery

if TYPE_CHECKING:
    from dagster import DagsterInstance


# Marks the runs of this command, so that the next one recognises those that died with their process.
BUILD_TAG = "vitalhouse/build"
# How Dagster says that a run is about several partitions.
RANGE_TAGS = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


def partition_ranges(keys: Sequence[str], known: Sequence[str], *, exact: bool) -> list[tuple[str, str]]:
    """List the first and last key of the partition ranges that cover ``keys``, in the order of ``known``.

    Dagster can name many partitions of a run only as a range. One range over all of them may take in deliveries that
    have nothing new, which costs next to nothing; where it would matter (``exact``), each gap begins a new range.
    """
    places = sorted(known.index(key) for key in keys)
    if not places:
        return []
    if not exact:
        return [(known[places[0]], known[places[-1]])]
    ranges: list[tuple[int, int]] = []
    for place in places:
        if ranges and ranges[-1][1] == place - 1:
            ranges[-1] = (ranges[-1][0], place)
        else:
            ranges.append((place, place))
    return [(known[first], known[last]) for first, last in ranges]


def register_partitions(instance: DagsterInstance, measurement: str, deliveries: Sequence[Delivery]) -> list[str]:
    """Make deliveries partitions in Dagster; returns the keys that are new to it."""
    known = set(partition_keys(instance, measurement))
    new = [delivery.key for delivery in deliveries if delivery.key not in known]
    if new:
        instance.add_dynamic_partitions(f"{measurement}_deliveries", new)
    return new


def partition_keys(instance: DagsterInstance, measurement: str) -> list[str]:
    """List a measurement's deliveries as Dagster knows them, in its order."""
    return list(instance.get_dynamic_partitions(f"{measurement}_deliveries"))


def fail_orphaned_runs(instance: DagsterInstance) -> None:
    """End the runs of builds that were killed, and free the warehouse pool that they held.

    Call it only while no build can be running, such as under the lock of the build.
    """
    from dagster import DagsterRunStatus, RunsFilter

    alive = [DagsterRunStatus.NOT_STARTED, DagsterRunStatus.STARTING, DagsterRunStatus.STARTED]
    for run in instance.get_runs(RunsFilter(statuses=alive, tags={BUILD_TAG: "terminal"})):
        instance.report_run_failed(run, "the build was killed")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
