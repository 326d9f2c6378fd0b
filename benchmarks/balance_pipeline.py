"""Build `machine_learning_curated` from a million readings of either kind, beside the same joins in plain pandas.

    python -m benchmarks.balance_pipeline [--readings 1000000] [--customers 5000]

Each side is a process of its own, so that its peak of memory is its own: the load, all dbt models of the source (with
the funnel and the changes of consent), and pandas, which reads the same files and joins them. Both must end
with the same number of rows. No goal: the figures are reported.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from benchmarks.measure import peak_memory_mb, print_machine, seconds, temporary_home
from orchestration.lib.core.home import Home
from orchestration.lib.ingest.load import crawl_and_load
from orchestration.lib.lake.files import Lake
from orchestration.lib.modelling import dbt_cli
from orchestration.lib.sources import ENTITIES, open_warehouse
from orchestration.lib.sources.balance.contract import BALANCE_ACCELEROMETER, BALANCE_CUSTOMER, BALANCE_STEP_TRAINER

_START_MS = 1_655_564_376_361
_DELIVERY = "incoming/clinic=bench/measurement=balance/2022-01"
_TICK_MS = 100
_FILES = 10
_RESULT = re.compile(r"^result (\{.*\})$", re.MULTILINE)


def write_readings(folder: Path, readings: int, customers: int) -> None:
    """Write customers, every other one consenting, and readings of each at the same instants for everybody."""
    rng = np.random.default_rng(5)
    serials = [f"50f7b4f3-7af5-4b07-a421-{number:012d}" for number in range(customers)]
    records = [
        {
            "email": f"c{number}@test.com",
            "serialNumber": serial,
            "registrationDate": _START_MS,
            "lastUpdateDate": _START_MS,
        }
        | ({"shareWithResearchAsOfDate": _START_MS} if number % 2 else {})
        for number, serial in enumerate(serials)
    ]
    _write(folder / "customer/customers.json", map(json.dumps, records))
    xyz = np.round(rng.normal(0, 1, (readings, 3)), 3).tolist()
    distances = rng.integers(150, 300, readings).tolist()
    for number in range(_FILES):
        part = range(number, readings, _FILES)
        _write(
            folder / f"accelerometer/{number}.json",
            (
                f'{{"user": "c{index % customers}@test.com", "timestamp": {_instant(index, customers)}, '
                f'"x": {xyz[index][0]}, "y": {xyz[index][1]}, "z": {xyz[index][2]}}}'
                for index in part
            ),
        )
        _write(
            folder / f"step_trainer/{number}.json",
            (
                f'{{"sensorReadingTime": {_instant(index, customers)}, '
                f'"serialNumber": "{serials[index % customers]}", "distanceFromObject": {distances[index]}}}'
                for index in part
            ),
        )


def _instant(index: int, customers: int) -> int:
    return _START_MS + index // customers * _TICK_MS


def _write(path: Path, lines: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def run_load(home: Home) -> dict[str, float]:
    """Load the files."""
    lake, warehouse = Lake(home.lake_path), open_warehouse(home.warehouse_path)
    took, _ = seconds(
        lambda: [
            crawl_and_load(entity, ENTITIES, lake, warehouse, settle_seconds=0)
            for entity in (BALANCE_CUSTOMER, BALANCE_ACCELEROMETER, BALANCE_STEP_TRAINER)
        ]
    )
    return {"load": took}


def run_dbt(home: Home) -> dict[str, float]:
    """Build the models of the source."""
    from dbt.artifacts.schemas.run import RunExecutionResult
    from dbt.cli.main import dbtRunner

    os.environ.update(dbt_cli.environment(home))
    # The funnel reads the rejected rows from the catalog's views.
    select = ["--select", "tag:balance", "stg_catalog__file", "stg_catalog__rejected_row"]
    options = ["--quiet", "--project-dir", str(dbt_cli.PROJECT_PATH), "--profiles-dir", str(dbt_cli.PROJECT_PATH)]
    assert dbtRunner().invoke(["parse", *options]).success
    took, result = seconds(lambda: dbtRunner().invoke(["run", *select, *options]))
    assert result.success, result.exception
    assert isinstance(result.result, RunExecutionResult)
    models = {node.node.name: node.execution_time for node in result.result.results}
    to_curated = ("customer", "accelerometer", "step_trainer", "reading", "machine_learning")
    curated = sum(time for name, time in models.items() if any(word in name for word in to_curated))
    return {"all models": took, "models up to machine_learning_curated": curated}


def run_pandas(home: Home) -> dict[str, float]:
    """Read and join the same files with pandas."""
    import pandas as pd

    folder = home.lake_path / _DELIVERY

    def read(name: str) -> Any:
        return pd.concat(
            [pd.read_json(path, lines=True, convert_dates=False) for path in sorted((folder / name).iterdir())]
        )

    def join() -> int:
        customer = (
            tables["customer"].sort_values("lastUpdateDate").drop_duplicates(["email", "serialNumber"], keep="last")
        )
        trusted = customer[customer["shareWithResearchAsOfDate"].notna()]
        accelerometer = tables["accelerometer"].drop_duplicates()
        accelerometer = accelerometer[accelerometer["user"].isin(trusted["email"])]
        curated = trusted[trusted["email"].isin(accelerometer["user"])]
        step_trainer = tables["step_trainer"].drop_duplicates()
        step_trainer = step_trainer[step_trainer["serialNumber"].isin(curated["serialNumber"])]
        steps = step_trainer.merge(curated[["email", "serialNumber"]], on="serialNumber")
        return len(steps.merge(accelerometer, left_on=["email", "sensorReadingTime"], right_on=["user", "timestamp"]))

    read_took, tables = seconds(lambda: {name: read(name) for name in ("customer", "accelerometer", "step_trainer")})
    join_took, rows = seconds(join)
    return {"read": read_took, "joins": join_took, "rows": rows}


SIDES = {"load": run_load, "dbt": run_dbt, "pandas": run_pandas}


def measure(side: str, home: Home) -> dict[str, float]:
    """Run a side in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.balance_pipeline", "--side", side, "--home", str(home.path)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    match = _RESULT.search(done.stdout)
    assert match is not None, done.stdout
    return dict(json.loads(match[1]))


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--readings", type=int, default=1_000_000)
    parser.add_argument("--customers", type=int, default=5_000)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        result = SIDES[options.side](Home(options.home))
        print("result", json.dumps(result | {"peak memory in MB": peak_memory_mb()}))
        return
    print_machine()
    started = time.perf_counter()
    with temporary_home() as home:
        write_readings(home.lake_path / _DELIVERY, options.readings, options.customers)
        print(f"{options.readings:,} accelerometer and as many step readings of {options.customers:,} customers")
        results = {side: measure(side, home) for side in SIDES}
        with duckdb.connect(str(home.warehouse_path), read_only=True) as con:
            ((rows,),) = con.execute("select count(*) from balance.machine_learning_curated").fetchall()
    assert rows == results["pandas"].pop("rows"), (rows, results)
    for side, result in results.items():
        print(f"{side:7s}", ", ".join(f"{name} {value:,.1f}" for name, value in result.items()))
    print(f"{rows:,} rows in machine_learning_curated on either side; {time.perf_counter() - started:.0f} s in all")


if __name__ == "__main__":
    main()
