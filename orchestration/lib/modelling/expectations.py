"""Name the expectations of clinics (`seeds/quality_expectation.csv`) that their data do not meet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestration.lib.core import progress
from orchestration.lib.modelling.dbt_results import DbtResults
from orchestration.lib.warehouse.connection import Warehouse

# The dbt tests that run the cases of severity `error`, one for each measurement that has cases.
TEST_NAME = "assert_quality_expectations_hold"

# A build whose data are not as expected is tried again twice, two minutes apart: long enough for a delivery that is on
# its way to arrive.
RETRY_COUNT = 2
RETRY_DELAY_SECONDS = 120.0


def broken(results: DbtResults, folder: Path, manifest: Mapping[str, Any], warehouse: Warehouse) -> list[str]:
    """Describe the expectations that failed a dbt command, a line each; ``folder`` has the SQL that it compiled."""
    nodes = [
        manifest["nodes"][result.unique_id]
        for result in results.by_id.values()
        if result.unique_id.split(".")[2] == TEST_NAME and result.status == "fail"
    ]
    queries = [(folder / "compiled" / node["package_name"] / node["original_file_path"]).read_text() for node in nodes]
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
