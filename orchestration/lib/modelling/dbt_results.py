"""Collect the results of a dbt command from the events of its log.

dbt's run_results.json says the same, but dbt writes it only together with the manifest and the graph: 1.4 of the 3.5
processor seconds that a dbt command takes before its first model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestration.lib.core import progress

_RESULT_EVENTS = ("LogModelResult", "LogTestResult", "LogSeedResult", "LogSnapshotResult")
_FAILED = ("error", "fail", "runtime error", "partial success")


@dataclass
class NodeResult:
    """The result of a model, test, seed or snapshot; a test has the number of rows that it found."""

    unique_id: str
    status: str
    failure_count: int = 0
    message: str = ""

    def describe(self) -> str:
        """Name the node and dbt's message in one line."""
        # test.vitalhouse.unique_run_run_key.0123456789, model.vitalhouse.run
        kind, _, *name = self.unique_id.split(".")
        name = name[:1] if kind == "test" else name
        return f"dbt {kind.replace('_', ' ')} {'.'.join(name)}: {' '.join((self.message or self.status).split())}"


class DbtResults:
    """The results of one dbt command, by the node's unique id; none of nodes that dbt skipped."""

    def __init__(self) -> None:
        self.by_id: dict[str, NodeResult] = {}

    def add(self, event: Mapping[str, Any], task: progress.Task) -> None:
        """Take over a line of dbt's log; a result advances the task."""
        name, data = event["info"]["name"], event["data"]
        unique_id = data.get("node_info", {}).get("unique_id", "")
        if name in _RESULT_EVENTS:
            status = str(data["status"]).lower()
            self.by_id[unique_id] = NodeResult(unique_id, status, int(data.get("num_failures") or 0))
            # dbt names the same figure differently in the results of models and of tests.
            task.set_total(int(data.get("total") or data["num_models"]))
            task.advance()
        elif name == "RunResultError" and unique_id in self.by_id:
            self.by_id[unique_id].message = data["msg"]

    def failures(self) -> list[str]:
        """Describe each failed node in a line."""
        return [result.describe() for result in self.by_id.values() if result.status in _FAILED]
