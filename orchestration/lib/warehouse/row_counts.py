"""Count the rows of relations."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import duckdb

from orchestration.lib.warehouse.connection import Warehouse

# Counting the rows of a view runs its SQL. Nobody should wait longer for a figure in the UI, for all views together.
VIEW_COUNT_SECONDS = 2.0


def count_rows(warehouse: Warehouse, tables: Iterable[str], views: Sequence[str] = ()) -> dict[str, int]:
    """Rows of each relation that exists; of views as many as can be counted in ``VIEW_COUNT_SECONDS``."""
    counts: dict[str, int] = {}
    with warehouse.read() as con:
        for name in tables:
            counts |= _count(con, name)
        with _interrupting(con, VIEW_COUNT_SECONDS):
            for name in views:
                counts |= _count(con, name)
    return counts


@contextmanager
def _interrupting(con: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    """Let the connection work for so long; what it has not done by then it does not do, and that is no error."""
    is_done = threading.Event()

    def interrupt() -> None:
        # Again and again: between two queries nobody hears it.
        wait_s = seconds
        while not is_done.wait(wait_s):
            con.interrupt()
            wait_s = 0.05

    thread = threading.Thread(target=interrupt, daemon=True)
    thread.start()
    try:
        yield
    except (duckdb.InterruptException, RuntimeError) as error:
        # DuckDB says either, depending on where in a query it is interrupted.
        if "interrupted" not in str(error).lower():
            raise
    finally:
        is_done.set()
        thread.join()


def _count(con: duckdb.DuckDBPyConnection, name: str) -> dict[str, int]:
    try:
        row = con.execute(f"select count(*) from {name}").fetchone()
    except (duckdb.CatalogException, duckdb.IOException):
        return {}
    assert row is not None
    return {name: int(row[0])}
