"""Create the tables of the schemas catalog and raw, and the columns that a contract has gained."""

from collections.abc import Sequence

import duckdb

from orchestration.lib.catalog import tables
from orchestration.lib.contract.entity import Entity, Table


def raw_tables(entities: Sequence[Entity], computed_tables: Sequence[Table] = ()) -> tuple[Table, ...]:
    """Name every table of the schema ``raw``: those of the kinds of file, and those that transforms fill."""
    return (*(table for entity in entities for table in entity.tables), *computed_tables)


def create_tables(
    con: duckdb.DuckDBPyConnection, entities: Sequence[Entity], computed_tables: Sequence[Table] = ()
) -> None:
    """Create the catalog and raw tables and views that are missing, and add columns that a contract has gained."""
    present: dict[str, set[str]] = {}
    for schema, table, column in con.execute(
        "select schema_name, table_name, column_name from duckdb_columns()"
        " where schema_name in ('catalog', 'raw') and database_name = current_database()"
    ).fetchall():
        present.setdefault(f"{schema}.{table}", set()).add(column)
    for schema in ("catalog", "raw"):
        con.execute(f"create schema if not exists {schema}")
    for table in (*tables.TABLES, *raw_tables(entities, computed_tables)):
        if table.name not in present:
            columns = ", ".join(f'"{name}" {sql_type}' for name, sql_type in table.columns.items())
            con.execute(f"create table {table.name} ({columns})")
            continue
        for name, sql_type in table.columns.items():
            if name not in present[table.name]:
                con.execute(f'alter table {table.name} add column "{name}" {sql_type}')
    if "catalog.delivered_content" not in present:
        con.execute(tables.DELIVERED_CONTENT)
    for entity in entities:
        if entity.view_sql is not None and entity.table.name not in present:
            con.execute(entity.view_sql)
