"""Write Arrow tables into the warehouse."""

from collections.abc import Sequence

import duckdb
import pyarrow as pa


def insert_arrow(
    con: duckdb.DuckDBPyConnection, sql: str, rows: pa.Table, parameters: Sequence[object] | None = None
) -> None:
    """Run SQL that takes what it writes from the Arrow table ``rows``; where that has no rows, it is not run."""
    if not rows.num_rows:
        return
    con.register("rows", rows)
    try:
        con.execute(sql, parameters)
    finally:
        con.unregister("rows")
