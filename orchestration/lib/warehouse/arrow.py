"""Write Arrow tables into the warehouse."""

from collections.abc import Sequence

import duckdb
import pyarrow as pa


def insert_arrow(
    con: duckdb.DuckDBPyConnection, sql: str, rows: pa.Table, parameters: Sequence[object] | None = None
) -> None:
    """Run SQL that writes the rows of the Arrow table ``rows``, if it has any."""
    if not rows.num_rows:
        return
    con.register("rows", rows)
    try:
        con.execute(sql, parameters)
    finally:
        con.unregister("rows")
