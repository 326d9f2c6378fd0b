"""Open the published file, read-only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from orchestration.lib.core.errors import VitalhouseError
from orchestration.lib.core.sql import quote_text


class NothingPublished(VitalhouseError):
    """There is no published file, or none that can be read."""


def connect_published(path: Path, **config: str | bool | int | float | list[str]) -> duckdb.DuckDBPyConnection:
    """Connect to the current publication, read-only; the caller closes the connection.

    The file is attached, not opened by its name: within one process DuckDB hands out a file that is open once more, so
    that a reader who comes after a build would still see the publication that another reader holds.

    Parameters
    ----------
    config
        Settings of DuckDB, such as ``memory_limit``.

    Raises
    ------
    NothingPublished
        If nothing was published yet.
    """
    if not path.exists():
        raise NothingPublished("nothing is published yet: run `vitalhouse build` first")
    con = duckdb.connect(":memory:", config=config)
    try:
        con.execute(f"attach {quote_text(str(path))} as published (read_only)")
        con.execute("use published")
        # What does not fit into memory would be written to whatever folder this runs in, and it is health data.
        con.execute("set temp_directory = ''")
        con.execute("set enable_progress_bar = false")
    except duckdb.Error:
        con.close()
        raise
    return con


@contextmanager
def open_published(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the published file read-only, as `connect_published` does, and close it."""
    con = connect_published(path)
    try:
        yield con
    finally:
        con.close()
