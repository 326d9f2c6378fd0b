"""Keep the latest result of each dbt test, in a file that is read while a build goes on.

A build with a failed test publishes nothing, so the published file cannot hold these results.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestration.lib.core.files import write_atomically
from orchestration.lib.modelling.dbt_results import DbtResults
from orchestration.lib.modelling.manifest import data_tests

# After a warning the data are published all the same; a failure keeps a build from publishing; an error is a test that
# could not run.
BAD = ("warn", "fail", "error")
_STATUSES = {"runtime error": "error"}


@dataclass(frozen=True)
class Check:
    """The latest result of a dbt test of ``relation``; ``status`` is ``pass`` or one of `BAD`."""

    name: str
    relation: str
    status: str
    failure_count: int
    checked_at: datetime

    @property
    def is_bad(self) -> bool:
        """Return whether the test did not pass."""
        return self.status in BAD

    @property
    def keeps_from_publishing(self) -> bool:
        """Return whether the source's data may not be published."""
        return self.is_bad and self.status != "warn"


def record(results: DbtResults, path: Path, manifest: Mapping[str, Any]) -> None:
    """Write the results of a dbt command into the file at ``path``.

    A test that was not run keeps its result, one that the project has no longer loses it.
    """
    if not results.by_id:
        return
    tests, now = data_tests(manifest), datetime.now(UTC)
    checks = {check.name: check for check in read(path)}
    for result in results.by_id.values():
        test = tests.get(result.unique_id)
        # dbt skips a test whose model was not built.
        if test and result.status != "skipped":
            status = _STATUSES.get(result.status, result.status)
            checks[test.name] = Check(test.name, test.relation, status, result.failure_count, now)
    names = {test.name for test in tests.values()}
    text = json.dumps(
        [asdict(check) for name, check in sorted(checks.items()) if name in names], indent=0, default=datetime.isoformat
    )
    write_atomically(path, lambda unfinished: unfinished.write_text(text))


def read(path: Path) -> list[Check]:
    """Read the results that were recorded; none before the first build."""
    try:
        rows = json.loads(path.read_text())
        return [Check(**{**row, "checked_at": datetime.fromisoformat(row["checked_at"])}) for row in rows]
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        # The file of an older or a newer version: the next build writes it anew.
        return []


def failed(path: Path, manifest: Mapping[str, Any]) -> dict[str, list[str]]:
    """Name the tests that failed when they last ran, by the source whose tables they read."""
    tests = {test.name: test for test in data_tests(manifest).values()}
    names: dict[str, list[str]] = {}
    for check in read(path):
        if check.keeps_from_publishing and check.name in tests:
            for measurement in tests[check.name].measurements:
                names.setdefault(measurement, []).append(check.name)
    return names
