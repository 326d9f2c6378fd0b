"""A build names the expectations that its data do not meet."""

from pathlib import Path

import pytest

from orchestration.lib.modelling.dbt_results import DbtResults, NodeResult
from orchestration.lib.modelling.expectations import broken
from orchestration.lib.warehouse.connection import Warehouse

ANSWER = (
    "select 'few tests are odd' as name, 'select 7' as query, '7' as answer, '<' as comparison, '5' as expected_value"
)


MANIFEST = {
    "nodes": {
        f"test.vitalhouse.{name}": {"package_name": "vitalhouse", "original_file_path": f"tests/{name}.sql"}
        for name in ("assert_quality_expectations_hold", "assert_quality_expectations_hold_or_warn", "another_test")
    }
}


def results(folder: Path, test: str, status: str) -> DbtResults:
    """The result of a test, whose SQL lies where dbt compiles it to."""
    path = folder / "compiled" / "vitalhouse" / "tests" / f"{test}.sql"
    path.parent.mkdir(parents=True)
    path.write_text(ANSWER)
    found = DbtResults()
    found.by_id[f"test.vitalhouse.{test}"] = NodeResult(f"test.vitalhouse.{test}", status, 1)
    return found


@pytest.mark.parametrize(
    ("test", "status", "lines"),
    [
        (
            "assert_quality_expectations_hold",
            "fail",
            ["not as expected: few tests are odd (found 7, expected < 5)"],
        ),
        ("assert_quality_expectations_hold", "pass", []),
        ("assert_quality_expectations_hold_or_warn", "warn", []),
        ("another_test", "fail", []),
    ],
)
def test_a_case_that_does_not_hold_is_named(
    tmp_path: Path, warehouse: Warehouse, test: str, status: str, lines: list[str]
) -> None:
    with warehouse.write():
        pass
    assert broken(results(tmp_path, test, status), tmp_path, MANIFEST, warehouse) == lines


def test_nothing_is_broken_before_the_first_run(tmp_path: Path, warehouse: Warehouse) -> None:
    assert broken(DbtResults(), tmp_path, MANIFEST, warehouse) == []
