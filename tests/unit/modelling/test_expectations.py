"""A build names the expectations that its data do not meet."""

import json
from pathlib import Path

import pytest

from orchestration.lib.modelling.expectations import broken
from orchestration.lib.warehouse.connection import Warehouse

ANSWER = (
    "select 'few tests are odd' as name, 'select 7' as query, '7' as answer, '<' as comparison, '5' as expected_value"
)


def results(folder: Path, test: str, status: str) -> Path:
    result = {"unique_id": f"test.vitalhouse.{test}", "status": status, "compiled_code": ANSWER}
    (folder / "run_results.json").write_text(json.dumps({"results": [result]}))
    return folder


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
    assert broken(results(tmp_path, test, status), warehouse) == lines


def test_nothing_is_broken_before_the_first_run(tmp_path: Path, warehouse: Warehouse) -> None:
    assert broken(tmp_path, warehouse) == []
