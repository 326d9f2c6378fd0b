"""Results of a dbt command are read from the events of its log."""

from typing import Any

from orchestration.lib.modelling.dbt_results import DbtResults


class Task:
    """Counts like a progress task."""

    total = done = 0

    def set_total(self, total: int) -> None:
        self.total = total

    def advance(self, count: int = 1) -> None:
        self.done += count


def event(name: str, unique_id: str, **data: Any) -> dict[str, Any]:
    return {"info": {"name": name}, "data": {"node_info": {"unique_id": unique_id}, **data}}


MODEL, TEST = "model.vitalhouse.run", "test.vitalhouse.unique_run_run_key.0123"


def test_results_and_messages_are_taken_from_the_log() -> None:
    results, task = DbtResults(), Task()
    for line in (
        {"info": {"name": "MainReportVersion"}, "data": {}},
        event("LogModelResult", MODEL, status="OK", total=2),
        event("LogTestResult", TEST, status="fail", num_failures=3, num_models=2),
        event("RunResultError", TEST, msg="Got 3 results,\n  configured to fail if != 0"),
    ):
        results.add(line, task)  # type: ignore[arg-type]
    assert (task.total, task.done) == (2, 2)
    assert results.by_id[TEST].failure_count == 3
    assert results.failures() == [
        "dbt test unique_run_run_key: Got 3 results, configured to fail if != 0",
    ]


def test_a_failure_without_a_message_names_its_status() -> None:
    results = DbtResults()
    results.add(event("LogModelResult", MODEL, status="ERROR", total=1), Task())  # type: ignore[arg-type]
    assert results.failures() == ["dbt model run: error"]
