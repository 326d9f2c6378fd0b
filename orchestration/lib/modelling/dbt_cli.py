"""Run the dbt command with the paths of a home, and parse its project when needed."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from orchestration.lib.core.errors import VitalhouseError
from orchestration.lib.core.files import write_atomically
from orchestration.lib.core.home import ENVIRONMENT_VARIABLE, REPOSITORY, Home
from orchestration.lib.core.lock import hold_lock

PROJECT_PATH = REPOSITORY / "dbt_project"

PARSED = "partial_parse.msgpack"

_TIME = re.compile(r"^\d\d:\d\d:\d\d +", re.MULTILINE)

# dbt makes these in the project when someone runs it there.
_MADE_BY_DBT = ("target", "logs", "dbt_packages")


def executable() -> str:
    """Find the dbt that belongs to this Python, whether or not its environment is activated."""
    beside = Path(sys.executable).with_name("dbt")
    return str(beside) if beside.exists() else "dbt"


def environment(home: Home) -> dict[str, str]:
    """Make the environment in which dbt finds this home's warehouse, keeps its files there and sends no statistics."""
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
    """Parse the project if its files changed since dbt last did, and return the path of the manifest.

    Raises
    ------
    VitalhouseError
        If dbt cannot parse the project; the message is dbt's.
    """
    manifest_path, stamp_path = home.dbt_target_path / "manifest.json", home.dbt_target_path / "manifest.stamp"
    stamp = _fingerprint(PROJECT_PATH)

    def is_current() -> bool:
        return manifest_path.exists() and stamp_path.exists() and stamp_path.read_text() == stamp

    if is_current():
        return manifest_path
    home.dbt_target_path.mkdir(parents=True, exist_ok=True)
    # Dagster's processes start at once: the first one parses, and the others use its manifest.
    with hold_lock(home.dbt_target_path / "parse.lock", task="parse of the dbt project"):
        if not is_current():
            # A parse that is killed leaves no stamp, so that the next process parses again.
            stamp_path.unlink(missing_ok=True)
            _parse(home)
            write_atomically(stamp_path, lambda unfinished: unfinished.write_text(stamp))
    return manifest_path


def _parse(home: Home) -> None:
    parsed = subprocess.run(
        [executable(), "--quiet", "--no-use-colors", "parse"],
        cwd=PROJECT_PATH,
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
    )
    if parsed.returncode != 0:
        message = _TIME.sub("", parsed.stdout + parsed.stderr).strip() or f"exit code {parsed.returncode}"
        raise VitalhouseError(f"dbt cannot read its project: {message}")


def _fingerprint(project: Path) -> str:
    """Digest the names, sizes and times of the project's files, and the versions of dbt."""
    files = (
        f"{path.relative_to(project)} {path.stat().st_mtime_ns} {path.stat().st_size}"
        for path in sorted(project.rglob("*"))
        if path.is_file() and path.relative_to(project).parts[0] not in _MADE_BY_DBT
    )
    versions = (version("dbt-core"), version("dbt-duckdb"))
    return hashlib.sha256("\n".join((*versions, str(project), *files)).encode()).hexdigest()


def run_folder(home: Home) -> Path:
    """Prepare the folder for the artifacts of a run inside Dagster.

    The first run finds the cache of the parse for the manifest, and does not parse again.
    """
    folder = home.dbt_target_path.with_name("run")
    folder.mkdir(parents=True, exist_ok=True)
    cache, copy = home.dbt_target_path / PARSED, folder / PARSED
    if cache.exists() and not copy.exists():
        shutil.copy(cache, copy)
    return folder


@contextmanager
def terminate_on_exit(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End dbt if we fail before it does: it would wait for ever for us to read its output."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
