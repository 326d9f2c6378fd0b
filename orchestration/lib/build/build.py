"""A build: claim, see what is new, and run the very jobs of Dagster's UI in this process, one build at a time."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from orchestration.lib.catalog.new_deliveries import claim_settled, crawl_settled, pending_deliveries
from orchestration.lib.contract.entity import entities_of
from orchestration.lib.core import progress
from orchestration.lib.core.errors import UsageError
from orchestration.lib.core.home import ENVIRONMENT_VARIABLE, Home
from orchestration.lib.core.lock import hold_lock
from orchestration.lib.lake.delivery import Delivery
from orchestration.lib.lake.files import Lake
from orchestration.lib.publish.publish import published_row_counts
from orchestration.lib.sources import ENTITIES, open_warehouse

if TYPE_CHECKING:
    from dagster import AssetKey, DagsterInstance, Definitions, ExecuteInProcessResult, JobDefinition

from orchestration.lib.build.partitions import (
    BUILD_TAG,
    RANGE_TAGS,
    fail_orphaned_runs,
    partition_keys,
    register_partitions,
)
from orchestration.lib.build.plan import RejectionSnapshot, Report, Request, Run, plan, waiting_files


def build(request: Request, home: Home, definitions: Definitions) -> Report:
    """Bring the published file up to date with the lake, or say why not.

    Raises
    ------
    UsageError
        If the measurement or a delivery does not exist.
    VitalhouseError
        If the warehouse stays locked.
    """
    from dagster import DagsterInstance

    started = time.monotonic()
    # dbt, a process of its own, finds the home there.
    os.environ[ENVIRONMENT_VARIABLE] = str(home.path)
    lake, warehouse = Lake(home.lake_path), open_warehouse(home.warehouse_path, say=progress.write)
    measurements = request.measurements
    report = Report(previous_row_counts=published_row_counts(home.published_path))
    with hold_lock(home.build_lock_path), DagsterInstance.from_config(str(home.dagster_home)) as instance:
        fail_orphaned_runs(instance)
        with warehouse.write() as con:
            refused = RejectionSnapshot.of(con)
        claim_settled(lake, [entity for entity in ENTITIES if entity.measurement in measurements])
        wanted = _wanted(request, lake, measurements)
        with warehouse.write() as con:
            for measurement in measurements:
                crawl_settled(con, lake, entities_of(ENTITIES, measurement))
            news = _news(con, request, wanted)
        for each in measurements:
            register_partitions(instance, each, lake.deliveries(each))
        for run in plan(request, news, {each: partition_keys(instance, each) for each in measurements}):
            result = _execute(run, request, definitions, instance, home.build_log_path)
            if not result.success:
                report.failures = _problems(result)
                break
        with warehouse.read() as con:
            report.rejected_count, report.rejected = refused.since(con)
            report.waiting_count, report.waiting = waiting_files(con)
    report.row_counts = published_row_counts(home.published_path)
    report.seconds = time.monotonic() - started
    return report


def _wanted(request: Request, lake: Lake, measurements: Sequence[str]) -> dict[str, list[Delivery]]:
    """The deliveries that the build may touch.

    Raises
    ------
    UsageError
        If one was named that is not there.
    """
    there = {measurement: lake.deliveries(measurement) for measurement in measurements}
    if not request.deliveries:
        return there
    names = {name for deliveries in there.values() for delivery in deliveries for name in (delivery.name, delivery.key)}
    for name in request.deliveries:
        if name not in names:
            keys = ", ".join(delivery.key for deliveries in there.values() for delivery in deliveries)
            raise UsageError(f"there is no delivery {name}: the lake has {keys or 'none'}")
    asked = set(request.deliveries)
    return {
        measurement: [delivery for delivery in deliveries if {delivery.name, delivery.key} & asked]
        for measurement, deliveries in there.items()
    }


def _news(
    con: duckdb.DuckDBPyConnection, request: Request, wanted: dict[str, list[Delivery]]
) -> dict[str, list[Delivery]]:
    """Those of the wanted deliveries that have something to load, or are to be loaded anew.

    Where there is none, the last one: a build that was killed may have loaded a header and left the signal, whose file
    is not new, to be transformed with it. A transform that finds nothing to do costs next to nothing.
    """
    news = {}
    for measurement, deliveries in wanted.items():
        pending = pending_deliveries(con, measurement)
        is_anew = request.reload or request.recompute
        new = [delivery for delivery in deliveries if is_anew or delivery in pending]
        news[measurement] = new or deliveries[-1:]
    return news


def _execute(
    run: Run, request: Request, definitions: Definitions, instance: DagsterInstance, log_path: Path
) -> ExecuteInProcessResult:
    """Run a job here; what Dagster and dbt say goes to the log."""
    job = definitions.resolve_job_def(run.job)
    executable = job.asset_layer.executable_asset_keys
    keys = sorted(key for key in executable if run.part in ("all", "raw" if key.path[0] == "raw" else "marts"))
    tags = {BUILD_TAG: "terminal"} | (dict(zip(RANGE_TAGS, run.keys, strict=True)) if run.keys else {})
    options = {name for name in ("reload", "recompute", "full_refresh") if getattr(request, name)}
    with redirect_output_to(log_path):
        return job.execute_in_process(
            instance=instance,
            # Not all of them by name: dbt is then told of everything, tests of what no model reads included.
            asset_selection=None if run.part == "all" else keys,
            run_config={"ops": _op_config(job, keys, options)},
            tags=tags,
            raise_on_error=False,
        )


def _op_config(job: JobDefinition, keys: Sequence[AssetKey], options: set[str]) -> dict[str, Any]:
    """The options, given to those steps that know them."""
    config = {}
    for key in keys:
        op: Any = job.asset_layer.get(key).assets_def.op
        schema = op.config_schema.as_field().config_type
        known = options & set(getattr(schema, "fields", ()))
        config[op.name] = {"config": dict.fromkeys(known, True)}
    return config


def _problems(result: ExecuteInProcessResult) -> list[str]:
    """Why a run failed: what its steps gave as problems, or else their error."""
    problems: list[str] = []
    for event in result.all_events:
        if event.is_step_failure:
            problems += _problems_of(event.step_key, event.step_failure_data)
    return problems or ["Dagster could not run the job; the log has the reason"]


def _problems_of(step_key: str | None, data: Any) -> list[str]:
    told = data.user_failure_data.metadata.get("problems") if data.user_failure_data else None
    if told is not None:
        return list(told.value)
    error = data.error.cause or data.error
    return [f"{step_key}: {error.message.strip()}"]


@contextmanager
def redirect_output_to(log_path: Path) -> Iterator[None]:
    """Send whatever this process and its children write to the terminal into a file, for a while."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    with log_path.open("a") as log, ExitStack() as stack:
        for descriptor in (1, 2):
            kept = os.dup(descriptor)
            stack.callback(os.close, kept)
            stack.callback(os.dup2, kept, descriptor)
            os.dup2(log.fileno(), descriptor)
        yield
