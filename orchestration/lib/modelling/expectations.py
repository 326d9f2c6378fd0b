"""Name the expectations of clinics (`seeds/quality_expectation.csv`) that their data do not meet."""

from __future__ import annotations

from pathlib import Path

from orchestration.lib.core import progress
from orchestration.lib.modelling.dbt_cli import run_results
from orchestration.lib.warehouse.connection import Warehouse

# The dbt tests that run the cases of severity `error`, one for each measurement that has cases.
TEST_NAME = "assert_quality_expectations_hold"

# A build whose data are not as expected is tried again twice, two minutes apart: long enough for a delivery that is on
# its way to arrive.
RETRY_COUNT = 2
RETRY_DELAY_SECONDS = 120.0


def broken(run_folder: Path, warehouse: Warehouse) -> list[str]:
    """Describe the expectations that failed dbt's latest command in this folder, a line each."""
    queries = [
        result["compiled_code"]
        for result in run_results(run_folder)
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


def announce_retry(done: int) -> None:
    """Say that the build waits and begins again, unless it has done so ``RETRY_COUNT`` times."""
    if done < RETRY_COUNT:
        progress.write(
            f"the data are not as expected: trying again in {RETRY_DELAY_SECONDS:.0f} s ({done + 1} of {RETRY_COUNT})"
        )
