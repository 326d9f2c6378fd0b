"""Count the rows of tables."""

from __future__ import annotations

from collections.abc import Iterable

from orchestration.lib.warehouse.connection import Warehouse


def count_rows(warehouse: Warehouse, tables: Iterable[str]) -> dict[str, int]:
    """Count the rows of those of the tables that exist, over one connection."""
    with warehouse.read() as con:
        existing = {
            name
            for (name,) in con.execute("select lower(schema_name || '.' || table_name) from duckdb_tables()").fetchall()
        }
        selects = [f"select '{table}', count(*) from {table}" for table in tables if table in existing]
        return dict(con.execute(" union all ".join(selects)).fetchall()) if selects else {}
