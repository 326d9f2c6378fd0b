"""Create the tables of the schemas catalog and raw, and the columns that a contract has gained."""

import duckdb

from orchestration.lib import sources
from orchestration.lib.catalog import tables


def initialise(con: duckdb.DuckDBPyConnection) -> None:
    """Make the schemas, every catalog and raw table that is not there, and columns that a contract has gained."""
    present: dict[str, set[str]] = {}
    for schema, table, column in con.execute(
        "select schema_name, table_name, column_name from duckdb_columns() where schema_name in ('catalog', 'raw')"
    ).fetchall():
        present.setdefault(f"{schema}.{table}", set()).add(column)
    for schema in ("catalog", "raw"):
        con.execute(f"create schema if not exists {schema}")
    for table in (*tables.TABLES, *sources.raw_tables()):
        if table.name not in present:
            columns = ", ".join(f'"{name}" {sql_type}' for name, sql_type in table.columns.items())
            con.execute(f"create table {table.name} ({columns})")
            continue
        for name, sql_type in table.columns.items():
            if name not in present[table.name]:
                con.execute(f'alter table {table.name} add column "{name}" {sql_type}')
    if "catalog.delivered_content" not in present:
        con.execute(tables.DELIVERED_CONTENT)
    for name, sql in sources.raw_views().items():
        if name not in present:
            con.execute(sql)
