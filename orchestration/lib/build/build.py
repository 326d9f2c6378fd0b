"""Build: claim, crawl, and if something is new run the jobs of Dagster's UI in this process."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from orchestration.lib.build.state import SourceState, read_states, rules_hash, write_states
from orchestration.lib.catalog.new_deliveries import claim_settled, crawl_settled, pending_deliveries
from orchestration.lib.contract.entity import entities_of
from orchestration.lib.core import progress
from orchestration.lib.core.clock import utc_now
from orchestration.lib.core.errors import UsageError
from orchestration.lib.core.home import ENVIRONMENT_VARIABLE, Home
from orchestration.lib.core.lock import hold_lock
from orchestration.lib.lake.delivery import Delivery
from orchestration.lib.lake.files import Lake
from orchestration.lib.publish.publish import published_row_counts
from orchestration.lib.sources import ENTITIES, open_warehouse

if TYPE_CHECKING:
    from dagster import AssetKey, DagsterInstance, Definitions, ExecuteInProcessResult, JobDefinition

from orchestration.lib.build.event_storage import quick_event_storage
from orchestration.lib.build.partitions import (
    BUILD_TAG,
    RANGE_TAGS,
    fail_orphaned_runs,
    partition_keys,
    register_partitions,
)
from orchestration.lib.build.plan import RejectionSnapshot, Report, Request, Run, plan, waiting_files


def build(request: Request, home: Home, load_definitions: Callable[[Home], Definitions]) -> Report:
    """Bring the published file up to date with the lake, or say why not.

    If nothing is new, the build ends before Dagster and dbt are imported.

    Parameters
    ----------
    load_definitions
        Gives Dagster's definitions of a home; called if something is new.

    Raises
    ------
    UsageError
        If the measurement or a delivery does not exist.
    VitalhouseError
        If the warehouse stays locked.
    """
    started, started_at = time.monotonic(), utc_now()
    # dbt, a process of its own, finds the home there.
    os.environ[ENVIRONMENT_VARIABLE] = str(home.path)
    lake, warehouse = Lake(home.lake_path), open_warehouse(home.warehouse_path, say=progress.write)
    rules = rules_hash(home)
    with hold_lock(home.build_lock_path):
        claim_settled(lake, [entity for entity in ENTITIES if entity.measurement in request.measurements])
        wanted = _wanted(request, lake)
        states = read_states(home)
        with warehouse.write() as con:
            rejections = RejectionSnapshot.of(con)
            for measurement in request.measurements:
                crawl_settled(con, lake, entities_of(ENTITIES, measurement))
            news = {
                measurement: _news(con, request, measurement, deliveries)
                for measurement, deliveries in wanted.items()
                if request.is_explicit
                or pending_deliveries(con, measurement)
                or measurement not in states
                or not states[measurement].is_current(con, home, measurement, rules)
            }
            report = Report(
                last_news_at=max((states[name].finished_at for name in wanted if name in states), default=None)
            )
            report.waiting_count, report.waiting = waiting_files(con)
        if news:
            # Until this build ends well, its sources count as not built.
            write_states(home, {name: state for name, state in states.items() if name not in news})
            _run_jobs(request, home, load_definitions(home), lake, news, report)
            with warehouse.read() as con:
                report.rejected_count, report.rejected = rejections.since(con)
                report.waiting_count, report.waiting = waiting_files(con)
                if not report.failures:
                    built = {name: SourceState.of(con, home, name, rules, started_at) for name in news}
                    write_states(home, states | built)
    report.seconds = time.monotonic() - started
    return report


def _run_jobs(
    request: Request,
    home: Home,
    definitions: Definitions,
    lake: Lake,
    news: Mapping[str, Sequence[Delivery]],
    report: Report,
) -> None:
    """Run the jobs that publish these deliveries; the report gets their failures and row counts."""
    from dagster import DagsterInstance

    # Dagster writes its events one by one, or in batches: with them a build of five sources takes 4 s less.
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "500")
    report.previous_row_counts = published_row_counts(home.published_path)
    with quick_event_storage(), DagsterInstance.from_config(str(home.dagster_home)) as instance:
        fail_orphaned_runs(instance)
        for measurement in news:
            register_partitions(instance, measurement, lake.deliveries(measurement))
        known = {measurement: partition_keys(instance, measurement) for measurement in news}
        for run in plan(request, news, known):
            result = _execute(run, request, definitions, instance, home.build_log_path)
            if not result.success:
                report.failures = _problems(result)
                break
    report.row_counts = published_row_counts(home.published_path)


def _wanted(request: Request, lake: Lake) -> dict[str, list[Delivery]]:
    """Select the deliveries that the build may touch.

    Raises
    ------
    UsageError
        If a delivery is named that is not in the lake.
    """
    present = {measurement: lake.deliveries(measurement) for measurement in request.measurements}
    if not request.deliveries:
        return present
    names = {
        name for deliveries in present.values() for delivery in deliveries for name in (delivery.name, delivery.key)
    }
    for name in request.deliveries:
        if name not in names:
            keys = ", ".join(delivery.key for deliveries in present.values() for delivery in deliveries)
            raise UsageError(f"there is no delivery {name}: the lake has {keys or 'none'}")
    requested = set(request.deliveries)
    return {
        measurement: [delivery for delivery in deliveries if {delivery.name, delivery.key} & requested]
        for measurement, deliveries in present.items()
    }


def _news(
    con: duckdb.DuckDBPyConnection, request: Request, measurement: str, deliveries: list[Delivery]
) -> list[Delivery]:
    """Select the deliveries that have something to load, or are to be loaded anew.

    If no delivery has something to load, select the last one: a build that was killed may have loaded a header and left
    its signal, whose file is not new, untransformed. A transform that finds nothing to do costs next to nothing.
    """
    if request.reload or request.recompute:
        return deliveries
    pending = pending_deliveries(con, measurement)
    return [delivery for delivery in deliveries if delivery in pending] or deliveries[-1:]


def _execute(
    run: Run, request: Request, definitions: Definitions, instance: DagsterInstance, log_path: Path
) -> ExecuteInProcessResult:
    """Run a job here; the output of Dagster and dbt goes to the log."""
    job = definitions.resolve_job_def(run.job)
    executable = job.asset_layer.executable_asset_keys
    keys = sorted(key for key in executable if run.part in ("all", "raw" if key.path[0] == "raw" else "marts"))
    tags = {BUILD_TAG: "terminal"} | (dict(zip(RANGE_TAGS, run.keys, strict=True)) if run.keys else {})
    options = {name for name in ("reload", "recompute", "full_refresh") if getattr(request, name)}
    with redirect_output_to(log_path):
        return job.execute_in_process(
            instance=instance,
            # None selects everything, and dbt then also runs the tests of tables that no model reads.
            asset_selection=None if run.part == "all" else keys,
            run_config={"ops": _op_config(job, keys, options)},
            tags=tags,
            raise_on_error=False,
        )


def _op_config(job: JobDefinition, keys: Sequence[AssetKey], options: set[str]) -> dict[str, Any]:
    """Map each step to those of the options that it knows."""
    config = {}
    for key in keys:
        op: Any = job.asset_layer.get(key).assets_def.op
        schema = op.config_schema.as_field().config_type
        known = options & set(getattr(schema, "fields", ()))
        config[op.name] = {"config": dict.fromkeys(known, True)}
    return config


def _problems(result: ExecuteInProcessResult) -> list[str]:
    """List why a run failed: the problems that its steps name, or else their errors."""
    problems: list[str] = []
    for event in result.all_events:
        if event.is_step_failure:
            problems += _problems_of(event.step_key, event.step_failure_data)
    return problems or ["Dagster could not run the job; the log has the reason"]


def _problems_of(step_key: str | None, data: Any) -> list[str]:
    problems = data.user_failure_data.metadata.get("problems") if data.user_failure_data else None
    if problems is not None:
        return list(problems.value)
    error = data.error.cause or data.error
    return [f"{step_key}: {error.message.strip()}"]


@contextmanager
def redirect_output_to(log_path: Path) -> Iterator[None]:
    """Redirect the output of this process and its children to a file.

    Both the file descriptors, for children, and Python's streams: on a terminal the progress bars have put streams of
    their own in place of these, which write past the descriptors.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    with log_path.open("a") as log, ExitStack() as stack:
        for descriptor in (1, 2):
            kept = os.dup(descriptor)
            stack.callback(os.close, kept)
            stack.callback(os.dup2, kept, descriptor)
            os.dup2(log.fileno(), descriptor)
        stack.enter_context(redirect_stdout(log))
        stack.enter_context(redirect_stderr(log))
        yield
