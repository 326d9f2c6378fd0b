"""When a build is tried again, and what it says of the cases that do not hold."""

import json
from pathlib import Path

import pytest

from orchestration.lib.core.errors import UsageError
from orchestration.lib.modelling.expectations import Retries, broken
from orchestration.lib.warehouse.connection import Warehouse

ANSWER = (
    "select 'few tests are odd' as name, 'select 7' as query, '7' as answer, '<' as comparison, '5' as expected_value"
)


def test_twice_two_minutes_apart_unless_said_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VITALHOUSE_RETRY_COUNT", raising=False)
    monkeypatch.delenv("VITALHOUSE_RETRY_DELAY_SECONDS", raising=False)
    assert Retries.from_environment() == Retries(2, 120.0)
    monkeypatch.setenv("VITALHOUSE_RETRY_COUNT", "5")
    monkeypatch.setenv("VITALHOUSE_RETRY_DELAY_SECONDS", "0.5")
    assert Retries.from_environment() == Retries(5, 0.5)


@pytest.mark.parametrize("text", ["-1", "often", "nan", "inf", "", "1.5"])
def test_what_is_no_number_of_retries_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("VITALHOUSE_RETRY_COUNT", text)
    with pytest.raises(UsageError, match="VITALHOUSE_RETRY_COUNT is"):
        Retries.from_environment()


def results(folder: Path, test: str, status: str) -> Path:
    result = {"unique_id": f"test.vitalhouse.{test}", "status": status, "compiled_code": ANSWER}
    (folder / "run_results.json").write_text(json.dumps({"results": [result]}))
    return folder


@pytest.mark.parametrize(
    ("test", "status", "said"),
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
    tmp_path: Path, warehouse: Warehouse, test: str, status: str, said: list[str]
) -> None:
    with warehouse.write():
        pass
    assert broken(results(tmp_path, test, status), warehouse) == said


def test_nothing_is_broken_before_the_first_run(tmp_path: Path, warehouse: Warehouse) -> None:
    assert broken(tmp_path, warehouse) == []
