"""A warehouse in memory, for tests that load a hundred times and do not look at the file."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from orchestration.lib.catalog import tables
from orchestration.lib.catalog.schema import create_tables, raw_tables
from orchestration.lib.contract.entity import Entity
from orchestration.lib.sources import COMPUTED_TABLES, ENTITIES
from orchestration.lib.warehouse.connection import Warehouse


class MemoryWarehouse(Warehouse):
    def __init__(self, entities: Sequence[Entity] = ENTITIES) -> None:
        super().__init__(Path("in memory"))
        self._con = duckdb.connect(":memory:")
        # Named as the file is: SQL that dbt has compiled says warehouse.raw.…
        self._con.execute("attach ':memory:' as warehouse")
        self._con.execute("use warehouse")
        # More threads than this only wait for each other over tables of a few rows.
        self._con.execute("set threads = 1")
        self._entities = entities
        create_tables(self._con, entities, COMPUTED_TABLES)

    @contextmanager
    def write(self) -> Iterator[duckdb.DuckDBPyConnection]:
        yield self._con

    @contextmanager
    def read(self) -> Iterator[duckdb.DuckDBPyConnection]:
        yield self._con

    def clear(self) -> None:
        """Make all tables anew; views on them stay."""
        for table in (*tables.TABLES, *raw_tables(self._entities, COMPUTED_TABLES)):
            columns = ", ".join(f'"{name}" {sql_type}' for name, sql_type in table.columns.items())
            self._con.execute(f"create or replace table {table.name} ({columns})")
