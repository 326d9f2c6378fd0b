"""Keep the state of each source at the end of its last good build, so that a build with nothing new ends at once."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import duckdb

from orchestration.lib.core.clock import utc_now
from orchestration.lib.core.home import ENVIRONMENT_VARIABLE, REPOSITORY, Home
from orchestration.lib.sources import NEXT_CHANGE_AT

# Another version of any of these may change rows. catch22 is an extra: with it runs have more features.
_PACKAGES = ("vitalhouse", "duckdb", "dbt-core", "dbt-duckdb", "dagster", "numpy", "scipy", "pyarrow", "pycatch22")
_CODE = ("dbt_project", "orchestration", "python_transforms")
# Folders that dbt and Python make inside the project.
_MADE_BY_TOOLS = frozenset({"target", "logs", "dbt_packages", "__pycache__"})
# Settings that change no row.
_HARMLESS_SETTINGS = frozenset({ENVIRONMENT_VARIABLE, "VITALHOUSE_EXAMPLES", "VITALHOUSE_LOCK_WAIT_SECONDS"})


@dataclass(frozen=True)
class SourceState:
    """A source at the end of a good build.

    ``rules`` is a hash of the code, settings and packages that built it. ``key`` identifies the file with the
    participants' key. ``catalog`` is a hash of the files and loads that it was built from. From
    ``valid_until`` on (UTC) the same files make other rows, as on the day on which a consent begins.
    """

    rules: str
    key: str
    catalog: str
    valid_until: str | None
    finished_at: str

    @classmethod
    def of(
        cls, con: duckdb.DuckDBPyConnection, home: Home, measurement: str, rules: str, started_at: datetime
    ) -> SourceState:
        """Describe a source as it is in the warehouse; its models were built after ``started_at``."""
        next_change_at = NEXT_CHANGE_AT.get(measurement)
        valid_until = next_change_at(con, started_at) if next_change_at else None
        return cls(
            rules,
            _file_line(home.participant_key_path),
            catalog_hash(con, measurement),
            valid_until.isoformat() if valid_until else None,
            utc_now().isoformat(),
        )

    def is_current(self, con: duckdb.DuckDBPyConnection, home: Home, measurement: str, rules: str) -> bool:
        """Return whether a build of the source would give the rows that it has now."""
        is_valid = self.valid_until is None or utc_now().isoformat() < self.valid_until
        is_same_key = self.key == _file_line(home.participant_key_path)
        return is_valid and is_same_key and self.rules == rules and self.catalog == catalog_hash(con, measurement)


def read_states(home: Home) -> dict[str, SourceState]:
    """Read the states of the sources whose last build was good; none where the published file is gone."""
    try:
        rows = json.loads(home.build_state_path.read_text())
        return {name: SourceState(**row) for name, row in rows.items()} if home.published_path.exists() else {}
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        # None yet, or written by another version: everything is built.
        return {}


def write_states(home: Home, states: Mapping[str, SourceState]) -> None:
    """Replace the states that are kept."""
    unfinished = home.build_state_path.with_suffix(".part")
    unfinished.write_text(json.dumps({name: asdict(state) for name, state in states.items()}, indent=1))
    unfinished.replace(home.build_state_path)


def catalog_hash(con: duckdb.DuckDBPyConnection, measurement: str) -> str:
    """Hash of a source's rows in catalog.file, but for the time of the last crawl, and of its newest load."""
    row = con.execute(
        """
        select
            count(*),
            coalesce(bit_xor(hash(raw_path, content_hash, status, reason, load_id, row_count, modified_at)), 0),
            (select coalesce(max(load_id), 0) from catalog.load where measurement = $measurement)
        from catalog.file
        where measurement = $measurement
        """,
        {"measurement": measurement},
    ).fetchone()
    return ":".join(map(str, row or ()))


def rules_hash(home: Home) -> str:
    """Hash everything but data that decides what a build makes: code, dbt project, versions and settings."""
    settings = (
        f"{name}={value}"
        for name, value in sorted(os.environ.items())
        if name.startswith("VITALHOUSE_") and name not in _HARMLESS_SETTINGS
    )
    files = [*(REPOSITORY / folder for folder in _CODE), home.path / "vitalhouse.toml"]
    lines = [*map(_version, _PACKAGES), *settings, *_file_lines(files)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"{package} none"


def _file_lines(paths: Iterable[Path]) -> Iterator[str]:
    """Yield name, size and modification time of every file, and of every file below a folder."""
    for path in paths:
        if path.is_dir():
            yield from _file_lines(child for child in sorted(path.iterdir()) if child.name not in _MADE_BY_TOOLS)
        else:
            yield _file_line(path)


def _file_line(path: Path) -> str:
    try:
        status = path.stat()
    except FileNotFoundError:
        return ""
    return f"{path.name} {status.st_size} {status.st_mtime_ns}"
