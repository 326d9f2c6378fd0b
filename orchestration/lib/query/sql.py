"""Questions to the published file or the warehouse, both opened read-only, and their answers as text."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
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
    """Column names and rows of a query's result, and the comment that stood before the query."""

    columns: list[str]
    rows: list[tuple[Any, ...]]
    title: str | None = None

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
    """Run one or more statements on the published file, or on the warehouse itself; return the last one's result.

    Raises
    ------
    QueryError
        If DuckDB refuses a statement.
    """
    results = run_script(home, sql, of_warehouse=of_warehouse, lock_timeout_seconds=lock_timeout_seconds)
    return results[-1] if results else QueryResult([], [])


def run_script(
    home: Home, sql: str, *, of_warehouse: bool = False, lock_timeout_seconds: float = 10.0
) -> list[QueryResult]:
    """Run statements one after the other; return the result of each, with the comment before it as its title.

    Raises
    ------
    QueryError
        If DuckDB refuses a statement.
    """
    warehouse = Warehouse(home.warehouse_path, lock_timeout_seconds=lock_timeout_seconds)
    with warehouse.read() if of_warehouse else open_published(home.published_path) as con:
        try:
            # So that a path relative to the lake, as every column has it, can be read where it lies.
            con.execute("set file_search_path = $lake", {"lake": str(home.lake_path)})
            results = []
            for statement in con.extract_statements(sql):
                con.execute(statement)
                if duckdb.ExpectedResultType.QUERY_RESULT in statement.expected_result_type:
                    columns = [column[0] for column in con.description or []]
                    results.append(QueryResult(columns, con.fetchall(), _title(statement.query)))
            return results
        except duckdb.Error as error:
            raise QueryError(_one_line(error)) from error


def _title(query: str) -> str | None:
    comments = takewhile(lambda line: line.startswith("--"), query.strip().splitlines())
    return " ".join(line.lstrip("- ") for line in comments) or None


def _one_line(error: duckdb.Error) -> str:
    """DuckDB's message without the excerpt of the query that it draws below."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    kept = [line for line in lines if not line.startswith(("LINE ", "^"))]
    return " ".join(kept) or "the query failed"
