"""A warehouse in memory, for tests that load a hundred times and do not look at the file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from orchestration.lib import catalog_tables, sources
from orchestration.lib.warehouse import Warehouse, initialise


class MemoryWarehouse(Warehouse):
    def __init__(self) -> None:
        super().__init__(Path("in memory"))
        self._con = duckdb.connect(":memory:")
        # More threads than this only wait for each other over tables of a few rows.
        self._con.execute("set threads = 1")
        initialise(self._con)

    @contextmanager
    def write(self) -> Iterator[duckdb.DuckDBPyConnection]:
        yield self._con

    @contextmanager
    def read(self) -> Iterator[duckdb.DuckDBPyConnection]:
        yield self._con

    def clear(self) -> None:
        for table in (*catalog_tables.TABLES, *sources.raw_tables()):
            self._con.execute(f"delete from {table.name}")
