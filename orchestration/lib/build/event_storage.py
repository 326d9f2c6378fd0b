"""Let Dagster's SQLite files take the events of a build without waiting for the disk at each."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any
from unittest.mock import patch


@contextmanager
def quick_event_storage() -> Iterator[None]:
    """Write Dagster's events without a flush to disk for each of them.

    Dagster opens, commits and closes a file for every event, some 900 times in the build of one source. In SQLite's
    write-ahead mode, which Dagster uses, ``synchronous = normal`` flushes at checkpoints alone, and a connection that
    stays open keeps each close from being one. A kill loses nothing; a power cut may lose the last events of a run,
    which the next build then ends as failed. Dagster also makes a new SQLAlchemy engine each time, which compiles each
    statement anew: one engine a file is kept. (Private names of Dagster, which is pinned exactly.)
    """
    from dagster._core.storage.event_log.sqlite import sqlite_event_log
    from dagster._core.storage.runs.sqlite import sqlite_run_storage
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    kept_open: dict[str, sqlite3.Connection] = {}
    engines: dict[str, Engine] = {}
    create_engine: Callable[..., Engine] = vars(sqlite_event_log)["create_engine"]

    def reused_engine(url: str, **options: Any) -> Engine:
        if url not in engines:
            engines[url] = create_engine(url, **options)
        return engines[url]

    def prepare(connection: Any, _record: Any) -> None:
        if not isinstance(connection, sqlite3.Connection):
            return
        connection.execute("pragma synchronous = normal")
        path = connection.execute("pragma database_list").fetchone()[2]
        if path and path not in kept_open:
            kept_open[path] = stack.enter_context(closing(sqlite3.connect(path, check_same_thread=False)))
            # Only a connection that has read takes part in the write-ahead log.
            kept_open[path].execute("select count(*) from sqlite_master").fetchone()

    with ExitStack() as stack:
        for module in (sqlite_event_log, sqlite_run_storage):
            stack.enter_context(patch.object(module, "create_engine", reused_engine))
        event.listen(Engine, "connect", prepare)
        stack.callback(event.remove, Engine, "connect", prepare)
        yield
