"""What clinics expect of their data (`seeds/quality_expectation.csv`): what does not hold, and when to look again."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from orchestration.lib.core import progress
from orchestration.lib.core.errors import UsageError
from orchestration.lib.modelling.dbt_cli import RESULTS
from orchestration.lib.warehouse.connection import Warehouse

# The dbt tests that run the cases of severity `error`, one for each measurement that has cases.
TEST_NAME = "assert_quality_expectations_hold"


@dataclass(frozen=True)
class Retries:
    """How often, and after how long, a build is tried again whose data are not as expected.

    Twice, two minutes apart: long enough for a delivery that is on its way to arrive.
    """

    count: int = 2
    delay_seconds: float = 120.0

    @classmethod
    def from_environment(cls) -> Retries:
        """Read ``VITALHOUSE_RETRY_COUNT`` and ``VITALHOUSE_RETRY_DELAY_SECONDS``.

        Raises
        ------
        UsageError
            If one is no number, or negative.
        """
        return cls(
            int(_number("VITALHOUSE_RETRY_COUNT", cls.count, is_whole=True)),
            _number("VITALHOUSE_RETRY_DELAY_SECONDS", cls.delay_seconds),
        )


def _number(variable: str, default: float, is_whole: bool = False) -> float:
    text = os.environ.get(variable, str(default))
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not (0 <= value < float("inf")) or (is_whole and value != int(value)):
        kind = "whole number" if is_whole else "number"
        raise UsageError(f"{variable} is '{text}': expected a {kind} that is not negative")
    return value


def broken(run_folder: Path, warehouse: Warehouse) -> list[str]:
    """The expectations that failed dbt's latest command in this folder, a line each."""
    path = run_folder / RESULTS
    if not path.exists():
        return []
    queries = [
        result["compiled_code"]
        for result in json.loads(path.read_text())["results"]
        if result["unique_id"].split(".")[2] == TEST_NAME and result["status"] == "fail"
    ]
    if not queries:
        return []
    with warehouse.read() as con:
        rows = [row for query in queries for row in con.execute(query).fetchall()]
    return [
        f"not as expected: {name} (found {answer}, expected {comparison} {expected})"
        for name, _, answer, comparison, expected in rows
    ]


def announce_retry(done: int, retries: Retries) -> None:
    """Say that the build waits and begins anew, or that it has done so often enough."""
    if done < retries.count:
        progress.write(
            f"the data are not as expected: trying again in {retries.delay_seconds:.0f} s "
            f"({done + 1} of {retries.count}; VITALHOUSE_RETRY_COUNT=0 for none)"
        )
