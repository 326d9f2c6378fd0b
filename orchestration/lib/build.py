"""A build: claim, see what is new, and run the very jobs of Dagster's UI in this process, one build at a time."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from orchestration.lib import arrivals, progress, sources
from orchestration.lib.errors import UsageError
from orchestration.lib.home import ENVIRONMENT_VARIABLE, Home
from orchestration.lib.lake import Delivery, Lake
from orchestration.lib.publish import published_row_counts
from orchestration.lib.turn import turn
from orchestration.lib.warehouse import Warehouse

if TYPE_CHECKING:
    from dagster import AssetKey, DagsterInstance, Definitions, ExecuteInProcessResult, JobDefinition

# Marks the runs of this command, so that the next one recognises those that died with their process.
BUILD_TAG = "vitalhouse/build"
# How Dagster says that a run is about several partitions.
RANGE_TAGS = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
# More would scroll the summary away; `vitalhouse status` and catalog.rejected_row have them all.
SHOWN = 20


@dataclass(frozen=True)
class Request:
    """What a build is asked for. ``deliveries`` are names, or ``clinic/name``; none named means all."""

    measurement: str | None = None
    deliveries: tuple[str, ...] = ()
    reload: bool = False
    recompute: bool = False
    full_refresh: bool = False

    @property
    def measurements(self) -> tuple[str, ...]:
        """The measurements to build.

        Raises
        ------
        UsageError
            If the one asked for does not exist.
        """
        if self.measurement is None:
            return sources.MEASUREMENTS
        if self.measurement not in sources.MEASUREMENTS:
            known = ", ".join(sources.MEASUREMENTS)
            raise UsageError(f"there is no measurement {self.measurement}: choose from {known}")
        return (self.measurement,)


@dataclass
class Report:
    """What a build did, in lines to print.

    ``failures`` ended it; ``rejected`` was refused in it; ``waiting`` misses its partner. Of the latter two the first
    ``SHOWN`` are named and all are counted.
    """

    failures: list[str] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    rejected_count: int = 0
    waiting: list[str] = field(default_factory=list)
    waiting_count: int = 0
    row_counts: dict[str, int] = field(default_factory=dict)
    previous_row_counts: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def is_good(self) -> bool:
        """Whether everything that came was loaded and every test passed."""
        return not self.failures and not self.rejected_count


@dataclass(frozen=True)
class Run:
    """One run of a job: for a range of partitions (first and last key), or without; of its raw assets or of all."""

    job: str
    keys: tuple[str, str] | None = None
    part: str = "all"


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
    lake, warehouse = Lake(home.lake_path), Warehouse(home.warehouse_path, say=progress.write)
    measurements = request.measurements
    report = Report(previous_row_counts=published_row_counts(home.published_path))
    with turn(home.build_lock_path), DagsterInstance.from_config(str(home.dagster_home)) as instance:
        bury(instance)
        with warehouse.write() as con:
            refused = Refused.of(con)
        arrivals.claim(lake, measurements)
        news = _news(request, lake, warehouse, _wanted(request, lake, measurements))
        for each in measurements:
            register(instance, each, lake.deliveries(each))
        for run in plan(request, news, {each: partition_keys(instance, each) for each in measurements}):
            result = _execute(run, request, definitions, instance, home.build_log_path)
            if not result.success:
                report.failures = _problems(result)
                break
        with warehouse.read() as con:
            report.rejected_count, report.rejected = refused.since(con)
            report.waiting_count, report.waiting = _waiting(con)
    report.row_counts = published_row_counts(home.published_path)
    report.seconds = time.monotonic() - started
    return report


def plan(request: Request, news: Mapping[str, Sequence[Delivery]], known: Mapping[str, Sequence[str]]) -> list[Run]:
    """The runs that a build consists of.

    One measurement is one run of its job. Of several, each is loaded by a job of its own, and what follows, tests of
    the raw tables included, is run once, by the job ``marts``.
    """
    loads = [
        (measurement, keys)
        for measurement, deliveries in news.items()
        for keys in ranges([delivery.key for delivery in deliveries], known[measurement], exact=request.reload)
    ]
    if len(news) == len(loads) == 1:
        return [Run(*loads[0])]
    if request.measurement is None:
        return [*(Run(f"load_{measurement}", keys) for measurement, keys in loads), Run("marts")]
    return [*(Run(measurement, keys, "raw") for measurement, keys in loads), Run(request.measurement, part="marts")]


def ranges(keys: Sequence[str], known: Sequence[str], *, exact: bool) -> list[tuple[str, str]]:
    """First and last key of the partition ranges that cover ``keys``, in the order of ``known``.

    Dagster can name many partitions of a run only as a range. One range over all of them may take in deliveries that
    have nothing new, which costs next to nothing; where it would matter (``exact``), each gap begins a new range.
    """
    places = sorted(known.index(key) for key in keys)
    if not places:
        return []
    if not exact:
        return [(known[places[0]], known[places[-1]])]
    found: list[tuple[int, int]] = []
    for place in places:
        if found and found[-1][1] == place - 1:
            found[-1] = (found[-1][0], place)
        else:
            found.append((place, place))
    return [(known[first], known[last]) for first, last in found]


def register(instance: DagsterInstance, measurement: str, deliveries: Sequence[Delivery]) -> list[str]:
    """Make deliveries partitions in Dagster; returns the keys that are new to it."""
    known = set(partition_keys(instance, measurement))
    new = [delivery.key for delivery in deliveries if delivery.key not in known]
    if new:
        instance.add_dynamic_partitions(f"{measurement}_deliveries", new)
    return new


def partition_keys(instance: DagsterInstance, measurement: str) -> list[str]:
    """A measurement's deliveries as Dagster knows them, in its order."""
    return list(instance.get_dynamic_partitions(f"{measurement}_deliveries"))


def bury(instance: DagsterInstance) -> None:
    """End the runs of builds that were killed, and free the warehouse pool that they held.

    Only for a caller who knows that no build is under way.
    """
    from dagster import DagsterRunStatus, RunsFilter

    alive = [DagsterRunStatus.NOT_STARTED, DagsterRunStatus.STARTING, DagsterRunStatus.STARTED]
    for run in instance.get_runs(RunsFilter(statuses=alive, tags={BUILD_TAG: "terminal"})):
        instance.report_run_failed(run, "the build was killed")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


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
    request: Request, lake: Lake, warehouse: Warehouse, wanted: dict[str, list[Delivery]]
) -> dict[str, list[Delivery]]:
    """Those of the wanted deliveries that have something to load, or are to be loaded anew.

    Where there is none, the last one: a build that was killed may have loaded a header and left the signal, whose file
    is not new, to be transformed with it. A transform that finds nothing to do costs next to nothing.
    """
    news = {}
    for measurement, deliveries in wanted.items():
        pending = arrivals.pending(lake, warehouse, measurement)
        is_anew = request.reload or request.recompute
        new = [delivery for delivery in deliveries if is_anew or delivery in pending]
        news[measurement] = new or deliveries[-1:]
    return news


@dataclass(frozen=True)
class Refused:
    """What was refused up to a moment: to tell later what was refused since."""

    last_load_id: int
    raw_paths: frozenset[str]

    @classmethod
    def of(cls, con: duckdb.DuckDBPyConnection) -> Refused:
        """Take down what is refused now."""
        rows = con.execute("select raw_path from catalog.file where status = 'rejected'").fetchall()
        load_id = con.execute("select coalesce(max(load_id), 0) from catalog.load").fetchone()
        assert load_id is not None
        return cls(int(load_id[0]), frozenset(path for (path,) in rows))

    def since(self, con: duckdb.DuckDBPyConnection) -> tuple[int, list[str]]:
        """Rows, and files refused as a whole, since then: their number, and the first of them with the reason."""
        lines = con.execute(
            """
            select raw_path, line_number, reason from catalog.rejected_row where load_id > $load_id
            union all
            select raw_path, null, reason from catalog.file
            where
                status = 'rejected'
                and (load_id > $load_id or not list_contains($raw_paths, raw_path))
                and raw_path not in (select raw_path from catalog.rejected_row where load_id > $load_id)
            order by raw_path, line_number
            """,
            {"load_id": self.last_load_id, "raw_paths": list(self.raw_paths)},
        ).fetchall()
        return len(lines), [
            f"{path}: {reason}" if line is None else f"{path}, line {line}: {reason}"
            for path, line, reason in lines[:SHOWN]
        ]


def _waiting(con: duckdb.DuckDBPyConnection) -> tuple[int, list[str]]:
    lines = con.execute(
        "select raw_path, reason from catalog.file where status = 'waiting' order by raw_path"
    ).fetchall()
    return len(lines), [f"{path}: {reason}" for path, reason in lines[:SHOWN]]


def _execute(
    run: Run, request: Request, definitions: Definitions, instance: DagsterInstance, log_path: Path
) -> ExecuteInProcessResult:
    """Run a job here; what Dagster and dbt say goes to the log."""
    job = definitions.resolve_job_def(run.job)
    executable = job.asset_layer.executable_asset_keys
    keys = sorted(key for key in executable if run.part in ("all", "raw" if key.path[0] == "raw" else "marts"))
    tags = {BUILD_TAG: "terminal"} | (dict(zip(RANGE_TAGS, run.keys, strict=True)) if run.keys else {})
    options = {name for name in ("reload", "recompute", "full_refresh") if getattr(request, name)}
    with _quiet(log_path):
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
def _quiet(log_path: Path) -> Iterator[None]:
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
