"""Load and model 7 million blood tests, and then 1,000 more; beside bare DuckDB and beside dlt.

    python -m benchmarks.bloodtest [--scale 100] [--load-rounds 2] [--delivery-rounds 5] [--json]

Four measurements:

- loading into raw (crawl, hashes, checks and catalog included) beside a bare `create table as select … from
  read_json(…)` of the same files with the same types. Goals: no less than 60 % of its rate, less than 4 GB of memory;
- all models and the snapshot of blood tests from scratch (`dbt build`, its start included). Goal: no more than 60
  processor seconds;
- a delivery of 1,000 tests into a warehouse that holds them all beside one that holds 70,000: load and marts.
  Goal: no more than 1.5 times. Beside it, what testing the marts takes then (`dbt test`), which reads all rows of many
  tables. Only deduplicated tests are incremental; dimensions and summary are rebuilt;
- 70,000 tests and their patients beside `dlt` (filesystem to DuckDB), where it is installed:
  `pip install -c constraints.txt -e '.[bench]'`.

Each load runs in a process of its own, so that its peak of memory is its own. The disk needs about 6 GB.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from multiprocessing import get_context
from statistics import median
from typing import TypeVar

import duckdb

from benchmarks.measure import peak_memory_mb, print_machine, seconds, temporary_home
from orchestration.lib.core.home import Home
from orchestration.lib.ingest.load import crawl_and_load
from orchestration.lib.lake.files import Lake
from orchestration.lib.modelling import dbt_cli
from orchestration.lib.sources import ENTITIES, open_warehouse
from orchestration.lib.sources.bloodtest.contract import BLOODTEST_LOG, BLOODTEST_PATIENT
from synthetic.bloodtest import write_deliveries, write_further_delivery

SMALL_SCALE = 1.0  # 70,000 tests
NEW_TESTS = 1_000
LEAST_RATE_RATIO, MOST_MEMORY_MB, MOST_COST_RATIO, MOST_PROCESSOR_SECONDS = 0.60, 4_000, 1.5, 60

# The types that the contract pins. A bare reader takes no epoch time for a timestamp: it is turned into one by hand.
_TYPES = {
    "patient": {
        **dict.fromkeys(("id", "first_name", "last_name", "address", "clinic", "doc_name", "doc_id"), "VARCHAR"),
        **dict.fromkeys(("age", "sex"), "INTEGER"),
        **dict.fromkeys(("height", "weight"), "DOUBLE"),
    },
    "log": {
        **dict.fromkeys(("ap_hi", "ap_lo", "cholesterol", "gluc", "smoke", "alco", "active", "cardio"), "INTEGER"),
        **dict.fromkeys(("lab_id", "city", "patient_id", "lab_name"), "VARCHAR"),
        "date": "BIGINT",
    },
}
_COLUMNS = {"patient": "*", "log": "* replace (epoch_ms(date) as date)"}

Result = TypeVar("Result")


@dataclass
class Load:
    """One way to load a set of files, and its cost."""

    rows: int
    seconds: float
    peak_memory_mb: float

    @property
    def rows_per_second(self) -> float:
        """Return the speed."""
        return self.rows / self.seconds


@dataclass
class Cost:
    """Seconds that a delivery of 1,000 tests takes: to load it, to build the marts, and to test them."""

    load: float
    marts: float
    marts_processor: float
    tests: float
    nodes: dict[str, float] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """Return the time for load and marts."""
        return self.load + self.marts


def in_child(work: Callable[..., Result], *arguments: object) -> Result:
    """Call a function in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def load_ours(home: Home) -> Load:
    """Load the pending files into the raw tables."""
    lake, warehouse = Lake(home.lake_path), open_warehouse(home.warehouse_path)
    took, reports = seconds(
        lambda: [
            crawl_and_load(entity, ENTITIES, lake, warehouse, settle_seconds=0)
            for entity in (BLOODTEST_PATIENT, BLOODTEST_LOG)
        ]
    )
    for report in reports:
        assert not report.problems, report.problems[:3]
    return Load(sum(report.row_count for report in reports), took, peak_memory_mb())


def load_bare(home: Home) -> Load:
    """Let DuckDB make a table of each kind of file, without any check."""
    path = home.path / "bare.duckdb"
    path.unlink(missing_ok=True)

    def create() -> int:
        rows = 0
        with duckdb.connect(str(path)) as con:
            con.execute("set enable_progress_bar = false")
            for name, types in _TYPES.items():
                files = [str(file) for file in sorted(home.lake_path.rglob(f"{name}_data/*.json"))]
                columns = ", ".join(f"'{key}': '{sql_type}'" for key, sql_type in types.items())
                inserted = con.execute(
                    f"""
                    create table {name} as
                    select {_COLUMNS[name]}
                    from read_json(?, columns = {{{columns}}}, format = 'auto', hive_partitioning = false)
                    """,
                    [files],
                ).fetchone()
                assert inserted is not None
                rows += inserted[0]
        return rows

    took, rows = seconds(create)
    path.unlink()
    return Load(rows, took, peak_memory_mb())


def load_with_dlt(home: Home) -> Load:
    """Let dlt load the same records. It reads JSON of one object a line: rewriting the files so is not measured."""
    import dlt
    from dlt.sources.filesystem import filesystem, read_jsonl

    lines = home.path / "dlt" / "lines"
    for name in _TYPES:
        (lines / name).mkdir(parents=True)
        files = [str(file) for file in sorted(home.lake_path.rglob(f"{name}_data/*.json"))]
        for number, file in enumerate(files):
            duckdb.execute(
                f"copy (from read_json_auto('{file}', hive_partitioning = false)) "
                f"to '{lines / name / f'{number:03d}.jsonl'}' (format json)"
            )
    path = home.path / "dlt" / "peer.duckdb"
    pipeline = dlt.pipeline(
        "peer",
        pipelines_dir=str(home.path / "dlt" / "pipelines"),
        destination=dlt.destinations.duckdb(str(path)),
        dataset_name="raw",
    )
    took, _ = seconds(
        lambda: pipeline.run(
            [(filesystem(str(lines / name), file_glob="*.jsonl") | read_jsonl()).with_name(name) for name in _TYPES]
        )
    )
    with duckdb.connect(str(path), read_only=True) as con:
        rows = con.execute("select (select count(*) from raw.patient) + (select count(*) from raw.log)").fetchone()
    assert rows is not None
    shutil.rmtree(home.path / "dlt")
    return Load(rows[0], took, peak_memory_mb())


def run_dbt(home: Home, *command: str) -> dict[str, float]:
    """Let dbt build or test the star; gives the seconds of each model or test."""
    # Of tests that look at several sources, those of this one alone.
    arguments = ["--quiet", *command, "--select", "+tag:bloodtest", "--indirect-selection", "cautious"]
    done = subprocess.run(
        [dbt_cli.executable(), *arguments],
        cwd=dbt_cli.PROJECT_PATH,
        env=dbt_cli.environment(home),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads((home.dbt_target_path / "run_results.json").read_text())["results"]
    return {result["unique_id"].split(".", 2)[2]: result["execution_time"] for result in results}


def build_marts(home: Home) -> tuple[float, float, dict[str, float]]:
    """Build all models and the snapshot; return the seconds, the processor seconds and the seconds of each node."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    took, nodes = seconds(
        lambda: run_dbt(home, "build", "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, nodes


def test_marts(home: Home) -> dict[str, float]:
    """Run every test of the star."""
    return run_dbt(home, "test")


def deliver(home: Home, scale: float, number: int) -> Cost:
    """Write one more delivery of 1,000 tests, load it and bring the marts up to date."""
    in_child(
        write_further_delivery, home.lake_path / "incoming", f"2024-02-01-{number:03d}", NEW_TESTS, "sf_state", scale
    )
    loaded = in_child(load_ours, home)
    assert loaded.rows == NEW_TESTS, loaded
    built, processor, nodes = build_marts(home)
    tested, tests = seconds(lambda: test_marts(home))
    return Cost(loaded.seconds, built, processor, tested, nodes | tests)


def best_of(loads: Sequence[Load]) -> Load:
    """Choose the fastest load, with the most memory that any of them took."""
    fastest = min(loads, key=lambda load: load.seconds)
    return Load(fastest.rows, fastest.seconds, max(load.peak_memory_mb for load in loads))


def fill(home: Home, scale: float, rounds: int) -> tuple[Load, Load]:
    """Write the deliveries of a scale and load them, by turns with bare DuckDB, into a warehouse that stays."""
    in_child(write_deliveries, home.lake_path / "incoming", "sf_state", scale)
    ours, bare = [], []
    for _ in range(rounds):
        home.warehouse_path.unlink(missing_ok=True)
        ours.append(in_child(load_ours, home))
        bare.append(in_child(load_bare, home))
    return best_of(ours), best_of(bare)


def growth(small: Sequence[Cost], large: Sequence[Cost]) -> list[tuple[str, float, float]]:
    """List models and tests with their seconds in both warehouses; first those that take much longer in the large."""
    medians = [
        {name: median(cost.nodes[name] for cost in costs) for name in costs[0].nodes if name in costs[-1].nodes}
        for costs in (small, large)
    ]
    both = [(name, medians[0][name], medians[1][name]) for name in medians[0].keys() & medians[1].keys()]
    return sorted(both, key=lambda node: node[1] - node[2])


def compare_with_dlt(home: Home, ours: Load, rounds: int, echo: Callable[[str], None]) -> dict[str, object]:
    """Load the same files with dlt, if it is installed."""
    if not find_spec("dlt"):
        echo("dlt is not installed: left out (pip install -e '.[bench]')")
        return {}
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    peer = best_of([in_child(load_with_dlt, home) for _ in range(rounds)])
    for name, load in (("ours", ours), ("dlt", peer)):
        echo(f"{name:15}{load.rows:10,} rows {load.seconds:7.2f} s {load.rows_per_second:10,.0f} rows/s")
    return {"small_load": asdict(ours), "dlt": asdict(peer)}


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=100.0, help="of the large set; 100 is 7 million tests")
    parser.add_argument("--load-rounds", type=int, default=2)
    parser.add_argument("--delivery-rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON object and nothing else")
    options = parser.parse_args()

    def echo(text: str) -> None:
        if not options.json:
            print(text, flush=True)

    if not options.json:
        print_machine()
    figures: dict[str, object] = {}
    with temporary_home() as small_home, temporary_home() as large_home:
        ours, bare = fill(large_home, options.scale, options.load_rounds)
        ratio = ours.rows_per_second / bare.rows_per_second
        for name, load in (("ours", ours), ("bare read_json", bare)):
            echo(
                f"{name:15}{load.rows:10,} rows {load.seconds:7.2f} s {load.rows_per_second:10,.0f} rows/s, "
                f"peak memory {load.peak_memory_mb:,.0f} MB"
            )
        echo(f"ratio {ratio:.2f} (goal: at least {LEAST_RATE_RATIO:.2f}), memory goal: less than {MOST_MEMORY_MB:,} MB")
        figures |= {"load": asdict(ours), "bare": asdict(bare), "rate_ratio": ratio}

        small_ours, _ = fill(small_home, SMALL_SCALE, options.load_rounds)
        figures |= compare_with_dlt(small_home, small_ours, options.load_rounds, echo)
        homes = ((small_home, SMALL_SCALE), (large_home, options.scale))
        for home, scale in homes:
            took, processor, _ = build_marts(home)
            echo(
                f"marts of {70_000 * scale:11,.0f} tests from scratch: {took:6.1f} s, {processor:6.1f} processor s "
                f"(goal: no more than {MOST_PROCESSOR_SECONDS})"
            )
            figures[f"scratch_processor_seconds_{scale:g}"] = processor
        # In turn, so that both see the same machine; the first pair does not count.
        pairs = [
            tuple(deliver(home, scale, number) for home, scale in homes)
            for number in range(options.delivery_rounds + 1)
        ][1:]
        small, large = (list(costs) for costs in zip(*pairs, strict=True))
        for (_, scale), costs in zip(homes, (small, large), strict=True):
            echo(
                f"{NEW_TESTS:,} new tests beside {70_000 * scale:11,.0f}: "
                f"{median(cost.load for cost in costs):6.2f} s to load, "
                f"{median(cost.marts for cost in costs):6.2f} s for the marts "
                f"({median(cost.marts_processor for cost in costs):.2f} processor s), "
                f"{median(cost.tests for cost in costs):6.2f} s for their tests"
            )
        ratio = median(after.total / before.total for before, after in pairs)
        tested = median((after.total + after.tests) / (before.total + before.tests) for before, after in pairs)
        echo(
            f"ratio {ratio:.2f} for load and marts, median over {len(pairs)} pairs (goal: no more than "
            f"{MOST_COST_RATIO}); with the tests {tested:.2f}"
        )
        grown = growth(small, large)[:5]
        for name, before, after in grown:
            echo(f"  {name}: {before:.2f} s -> {after:.2f} s")
        figures |= {
            "delivery_ratio": ratio,
            "delivery_ratio_with_tests": tested,
            "delivery": {"small": [asdict(cost) for cost in small], "large": [asdict(cost) for cost in large]},
        }
    if options.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
