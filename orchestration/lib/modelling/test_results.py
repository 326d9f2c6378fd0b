"""What the tests of the builds found: the latest result of each, in a file that is read while a build goes on.

A build with a failed test publishes nothing, so that the published file could not tell.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestration.lib.modelling.dbt_cli import RESULTS, relation_name
from orchestration.lib.sources import MEASUREMENTS

# A warning is published all the same, a failure keeps a build from publishing, an error is a test that could not run.
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
        return self.status in BAD

    @property
    def keeps_from_publishing(self) -> bool:
        return self.is_bad and self.status != "warn"


def record(run_folder: Path, path: Path, manifest: Mapping[str, Any]) -> None:
    """Take the results of dbt's latest command over into the file at ``path``.

    A test that was not run keeps its result, one that the project has no longer loses it.
    """
    results_path = run_folder / RESULTS
    if not results_path.exists():
        return
    checks = {check.name: check for check in read(path)}
    now = datetime.now(UTC)
    for result in json.loads(results_path.read_text())["results"]:
        node = manifest["nodes"].get(result["unique_id"])
        # A test is skipped where what it tests was not built.
        if node and node["resource_type"] == "test" and result["status"] != "skipped":
            status = _STATUSES.get(result["status"], result["status"])
            check = Check(node["name"], _relation(node, manifest), status, int(result.get("failures") or 0), now)
            checks[check.name] = check
    known = {node["name"] for node in manifest["nodes"].values() if node["resource_type"] == "test"}
    rows = [asdict(check) for name, check in sorted(checks.items()) if name in known]
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(json.dumps(rows, indent=0, default=datetime.isoformat))
    unfinished.replace(path)


def read(path: Path) -> list[Check]:
    """The results that were recorded; none before the first build."""
    try:
        rows = json.loads(path.read_text())
        return [Check(**{**row, "checked_at": datetime.fromisoformat(row["checked_at"])}) for row in rows]
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        # An older or a newer form: the next build writes it anew.
        return []


def failed(path: Path, manifest: Mapping[str, Any]) -> dict[str, list[str]]:
    """Names of the tests that failed when they last ran, by the source whose tables they read.

    A test of what serves every source, such as the catalog, stands with each of them.
    """
    known = {**manifest["nodes"], **manifest["sources"]}
    tests = {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "test"}
    found: dict[str, list[str]] = {}
    for check in read(path):
        if check.keeps_from_publishing and check.name in tests:
            nodes = [known[each] for each in tests[check.name]["depends_on"]["nodes"] if each in known]
            tags = {tag for node in nodes for tag in node.get("tags", ())}
            for source in [each for each in MEASUREMENTS if each in tags] or MEASUREMENTS:
                found.setdefault(source, []).append(check.name)
    return found


def _relation(node: Mapping[str, Any], manifest: Mapping[str, Any]) -> str:
    """What a test is about, as ``schema.name``: of several relations the one it stands with, or else the first."""
    tested = [node.get("attached_node"), *node["depends_on"]["nodes"]]
    known = {**manifest["nodes"], **manifest["sources"]}
    return next((relation_name(known[each]) for each in tested if each in known), "")
