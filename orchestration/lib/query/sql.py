"""Questions to the published file or the warehouse, both opened read-only, and their answers as text."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from orchestration.lib.core.errors import VitalhouseError
from orchestration.lib.core.home import Home
from orchestration.lib.warehouse.connection import Warehouse


class QueryError(VitalhouseError):
    """A query that DuckDB refused; the message is DuckDB's."""


@dataclass(frozen=True)
class QueryResult:
    """Column names and rows of a query's result."""

    columns: list[str]
    rows: list[tuple[Any, ...]]

    def as_csv(self) -> str:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(self.rows)
        return out.getvalue()

    def as_json(self) -> str:
        records = [dict(zip(self.columns, row, strict=True)) for row in self.rows]
        return json.dumps(records, indent=2, default=str, ensure_ascii=False) + "\n"


def connect_published(path: Path) -> duckdb.DuckDBPyConnection:
    """Connect to what is published at this moment, read-only; the caller closes the connection.

    The file is attached, not opened by its name: within one process DuckDB hands out a file that is open once more, so
    that whoever reads after a build would still see the publication that another reader holds.

    Raises
    ------
    VitalhouseError
        If nothing was published yet.
    """
    if not path.exists():
        raise VitalhouseError("nothing is published yet: run `vitalhouse build` first")
    con = duckdb.connect(":memory:")
    try:
        name = str(path).replace("'", "''")
        con.execute(f"attach '{name}' as published (read_only)")
        con.execute("use published")
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


def run_query(home: Home, sql: str, *, of_warehouse: bool = False, lock_timeout_seconds: float = 10.0) -> QueryResult:
    """Answer one or more statements on the published file, or the warehouse itself; the last one's result counts.

    Raises
    ------
    QueryError
        If DuckDB refuses the statement.
    """
    warehouse = Warehouse(home.warehouse_path, lock_timeout_seconds=lock_timeout_seconds)
    with warehouse.read() if of_warehouse else open_published(home.published_path) as con:
        try:
            # So that a path relative to the lake, as every column has it, can be read where it lies.
            con.execute("set file_search_path = $lake", {"lake": str(home.lake_path)})
            con.execute(sql)
            columns = [column[0] for column in con.description or []]
            return QueryResult(columns, con.fetchall())
        except duckdb.Error as error:
            raise QueryError(_one_line(error)) from error


def _one_line(error: duckdb.Error) -> str:
    """DuckDB's message without the excerpt of the query that it draws below."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    kept = [line for line in lines if not line.startswith(("LINE ", "^"))]
    return " ".join(kept) or "the query failed"
