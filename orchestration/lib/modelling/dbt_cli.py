"""dbt as a command of its own: with the right paths, its manifest when we need it, its failures in plain words."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

from orchestration.lib.core import progress
from orchestration.lib.core.errors import VitalhouseError
from orchestration.lib.core.home import ENVIRONMENT_VARIABLE, REPOSITORY, Home

PROJECT_PATH = REPOSITORY / "dbt_project"

RESULTS = "run_results.json"
PARSED = "partial_parse.msgpack"
_FAILED = ("error", "fail", "runtime error", "partial success")
_RESULT_EVENTS = ("LogModelResult", "LogTestResult", "LogSeedResult", "LogSnapshotResult")

_SCRATCH = "parse-"
# A parse takes seconds.
_LONGEST_PARSE_SECONDS = 3600.0

_TIME = re.compile(r"^\d\d:\d\d:\d\d +", re.MULTILINE)

# Made by dbt itself inside the project when someone runs it there.
_MADE_BY_DBT = ("target", "logs", "dbt_packages")


class LogEvent(Protocol):
    """A line of dbt's log as dagster-dbt hands it on."""

    @property
    def raw_event(self) -> Any: ...


def executable() -> str:
    """The dbt that belongs to this Python, whether or not its environment is activated."""
    beside = Path(sys.executable).with_name("dbt")
    return str(beside) if beside.exists() else "dbt"


def environment(home: Home) -> dict[str, str]:
    """Environment in which dbt finds this home's warehouse, keeps its files out of the project and sends nothing."""
    return {
        **os.environ,
        ENVIRONMENT_VARIABLE: str(home.path),
        "DBT_PROJECT_DIR": str(PROJECT_PATH),
        "DBT_PROFILES_DIR": str(PROJECT_PATH),
        "DBT_TARGET_PATH": str(home.dbt_target_path),
        "DBT_LOG_PATH": str(home.dbt_log_path),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


def run(home: Home, arguments: Sequence[str]) -> int:
    """Run dbt with these arguments in the terminal; returns its exit code."""
    return subprocess.run([executable(), *arguments], cwd=PROJECT_PATH, env=environment(home), check=False).returncode


def ensure_manifest(home: Home) -> Path:
    """Path of a manifest that agrees with the project's files; parses the project if there is none yet.

    The manifest is renamed into place whole, so that a killed parse leaves none rather than half of one.

    Raises
    ------
    VitalhouseError
        If dbt cannot parse the project; the message is dbt's.
    """
    manifest_path = home.dbt_target_path / "manifest.json"
    stamp_path = home.dbt_target_path / "manifest.stamp"
    stamp = _fingerprint(PROJECT_PATH)
    if manifest_path.exists() and stamp_path.exists() and stamp_path.read_text() == stamp:
        return manifest_path
    home.dbt_target_path.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(home.dbt_target_path.parent)
    with tempfile.TemporaryDirectory(dir=home.dbt_target_path.parent, prefix=_SCRATCH) as scratch:
        target = Path(scratch)
        cache = home.dbt_target_path / PARSED
        if cache.exists():
            shutil.copy(cache, target)
        _parse(home, target)
        (target / PARSED).replace(cache)
        (target / "manifest.json").replace(manifest_path)
    stamp_path.write_text(stamp)
    return manifest_path


def _remove_leftovers(folder: Path) -> None:
    """Delete the folders of parses that were killed; one that is under way is younger."""
    for path in folder.glob(f"{_SCRATCH}*"):
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > _LONGEST_PARSE_SECONDS:
                shutil.rmtree(path)


def _parse(home: Home, target: Path) -> None:
    arguments = ["--quiet", "--no-use-colors", "parse", "--target-path", str(target), "--log-path", str(target)]
    done = subprocess.run(
        [executable(), *arguments], cwd=PROJECT_PATH, env=environment(home), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        said = _TIME.sub("", done.stdout + done.stderr).strip() or f"exit code {done.returncode}"
        raise VitalhouseError(f"dbt cannot read its project: {said}")


def _fingerprint(project: Path) -> str:
    """Changes whenever a file of the project comes, goes or changes, and with another dbt."""
    files = (
        f"{path.relative_to(project)} {path.stat().st_mtime_ns} {path.stat().st_size}"
        for path in sorted(project.rglob("*"))
        if path.is_file() and path.relative_to(project).parts[0] not in _MADE_BY_DBT
    )
    versions = (version("dbt-core"), version("dbt-duckdb"))
    return hashlib.sha256("\n".join((*versions, str(project), *files)).encode()).hexdigest()


def fresh_run_folder(home: Home) -> Path:
    """Folder for the artifacts of a run inside Dagster, without the results of the run before.

    The first run finds what the parse for the manifest remembers, so that it need not parse again.
    """
    folder = home.dbt_target_path.with_name("run")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RESULTS).unlink(missing_ok=True)
    parsed, here = home.dbt_target_path / PARSED, folder / PARSED
    if parsed.exists() and not here.exists():
        shutil.copy(parsed, here)
    return folder


def advance_on_result(event: LogEvent, task: progress.Task) -> None:
    """Let a task advance when an event of dbt's log says that a model or a test is done."""
    if event.raw_event["info"]["name"] in _RESULT_EVENTS:
        data = event.raw_event["data"]
        # dbt names the same figure differently in the results of models and of tests.
        task.set_total(int(data.get("total") or data["num_models"]))
        task.advance()


@contextmanager
def terminate_on_exit(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Leave no dbt behind: if we fail before it ends, it would wait for ever for us to read what it writes."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


def failures(run_folder: Path) -> list[str]:
    """What failed in dbt's latest command in this folder, a line each: the test or model and dbt's message.

    Empty where nothing failed, or where dbt did not come as far as building anything.
    """
    path = run_folder / RESULTS
    if not path.exists():
        return []
    return [_describe(result) for result in json.loads(path.read_text())["results"] if result["status"] in _FAILED]


def _describe(result: Mapping[str, Any]) -> str:
    # test.vitalhouse.unique_run_run_key.0123456789, model.vitalhouse.run, unit_test.vitalhouse.run.test_latest_wins
    kind, _, *name = result["unique_id"].split(".")
    name = name[:1] if kind == "test" else name
    message = " ".join(str(result.get("message") or result["status"]).split())
    return f"dbt {kind.replace('_', ' ')} {'.'.join(name)}: {message}"


def relation_name(node: Mapping[str, Any]) -> str:
    """``schema.name`` of a model, seed or source table of the manifest."""
    return f"{node['schema']}.{node.get('alias') or node['identifier']}".lower()


def relations(manifest: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Names of the tables and of the views that the project builds."""
    built = [node for node in manifest["nodes"].values() if node["resource_type"] in ("model", "seed", "snapshot")]
    tables = [relation_name(node) for node in built if node["config"]["materialized"] not in ("view", "ephemeral")]
    views = [relation_name(node) for node in built if node["config"]["materialized"] == "view"]
    return tables, views
