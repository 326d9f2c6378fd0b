"""Run SQL on the published file or the warehouse, both opened read-only, and format its result as text."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import duckdb

from orchestration.lib.core.errors import VitalhouseError
from orchestration.lib.core.home import Home
from orchestration.lib.core.sql import quote_text
from orchestration.lib.query.published import open_published
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
        """Format as CSV with a header."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(self.rows)
        return out.getvalue()

    def as_json(self) -> str:
        """Format as a JSON array of records."""
        records = [dict(zip(self.columns, row, strict=True)) for row in self.rows]
        return json.dumps(records, indent=2, default=str, ensure_ascii=False) + "\n"


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
            # Columns hold paths relative to the lake: `read_csv(raw_path)` finds them.
            # As text: for a bound value DuckDB imports pandas where it is installed, 1.4 cpu s.
            con.execute(f"set file_search_path = {quote_text(str(home.lake_path))}")
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
    """Cut the excerpt of the query from DuckDB's message."""
    lines = [line.strip() for line in str(error).splitlines()]
    return " ".join(line for line in lines if line and not line.startswith(("LINE ", "^"))) or "the query failed"
