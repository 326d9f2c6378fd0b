"""Everything a home holds in comparable form, so that a test can say in what two homes differ.

Two homes that received the same files are to hold the same, whatever happened on the way. Only what a clock wrote may
differ: the columns below, and the name of a claimed delivery, which is the time of its claim.
"""

import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow.parquet as pq

from orchestration.lib.core.home import Home

# Ends of the names of columns that say when something ran, or that are drawn by chance.
WALL_CLOCK_COLUMNS = (
    "crawled_at",
    "looked_at",
    "processed_at",
    "started_at",
    "finished_at",
    "loaded_at",
    "published_at",
    "publication_id",
    # The crawl's memory of a directory: a claim makes new ones.
    "modified_ns",
)
_CLAIM_NAME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{6}Z(?:-\d+)?")
# Enough to see what is wrong; a difference in one table often repeats in the others.
_SHOWN = 5

# A row is its columns, each as text: ``row_count=1``.
Rows = Counter[tuple[str, ...]]
# Of a row that differs, these first columns are shown, which name it, and all that differ.
_NAMING = 3


@dataclass(frozen=True)
class Snapshot:
    """Rows by table (``warehouse:raw.ecg_run_header``), and one row for each file of the lake (``lake``)."""

    rows: dict[str, Rows]


def take(home: Home) -> Snapshot:
    """Read all tables and views of the warehouse and the published file, and every file of the lake."""
    names = _claim_names(home)
    rows = {"lake": _lake(home.lake_path, names)}
    for label, path in (("warehouse", home.warehouse_path), ("published", home.published_path)):
        if path.exists():
            rows |= {f"{label}:{table}": found for table, found in _tables(path, names).items()}
    return Snapshot(rows)


def differences(expected: Snapshot, found: Snapshot) -> list[str]:
    """What only one of them has, a line each; empty if they are equal."""
    lines = []
    for name in sorted(expected.rows.keys() | found.rows.keys()):
        if name not in expected.rows or name not in found.rows:
            lines.append(f"{name}: only in the {'disturbed' if name in found.rows else 'undisturbed'} home")
            continue
        missing, surplus = expected.rows[name] - found.rows[name], found.rows[name] - expected.rows[name]
        differing = _cells(missing) ^ _cells(surplus)
        for which, rows in (("undisturbed", missing), ("disturbed", surplus)):
            for row in sorted(rows.elements())[:_SHOWN]:
                shown = (cell for place, cell in enumerate(row) if place < _NAMING or cell in differing)
                lines.append(f"{name}: only in the {which} home: {', '.join(shown)}")
            if rows.total() > _SHOWN:
                lines.append(f"{name}: only in the {which} home: {rows.total() - _SHOWN} rows more")
    return lines


def _cells(rows: Rows) -> set[str]:
    return {cell for row in rows for cell in row}


def _claim_names(home: Home) -> dict[str, str]:
    """A name for each claimed delivery that says in which order they were made, instead of when."""
    renamed: dict[str, str] = {}
    for folder in sorted((home.lake_path / "incoming").glob("*/*")):
        claimed = sorted((path.name for path in folder.iterdir() if _CLAIM_NAME.fullmatch(path.name)), key=_claim_order)
        where = f"{folder.parent.name}/{folder.name}"
        renamed |= {f"{where}/{name}": f"claim {number}" for number, name in enumerate(claimed, start=1)}
    # In columns a delivery's name stands alone: there must be no doubt about which claim is meant.
    alone: dict[str, str] = {}
    for path, name in renamed.items():
        time = path.rpartition("/")[2]
        if alone.setdefault(time, name) != name:
            raise ValueError(f"{time} is the time of different claims: {sorted(renamed)}")
    return alone


def _claim_order(name: str) -> tuple[str, int]:
    time, _, number = name.partition("Z-")
    return time.rstrip("Z"), int(number or 1)


def _plain(value: Any, names: dict[str, str]) -> Any:
    """The value with claims named by their order, and floats by their bits."""
    if isinstance(value, str):
        return _CLAIM_NAME.sub(lambda found: names.get(found[0], found[0]), value)
    if isinstance(value, list):
        return [_plain(item, names) for item in value]
    return value


def _tables(path: Path, names: dict[str, str]) -> dict[str, Rows]:
    with duckdb.connect(str(path), read_only=True) as con:
        columns: dict[str, list[str]] = {}
        for table, column in con.execute(
            "select schema_name || '.' || table_name, column_name from duckdb_columns() "
            "where database_name = current_database() and not internal order by table_oid, column_index"
        ).fetchall():
            columns.setdefault(table, []).append(column)
        return {table: _rows(con, table, of_table, names) for table, of_table in sorted(columns.items())}


def _rows(con: duckdb.DuckDBPyConnection, table: str, columns: list[str], names: dict[str, str]) -> Rows:
    kept = [column for column in columns if not column.endswith(WALL_CLOCK_COLUMNS)]
    quoted = ", ".join(f'"{column}"' for column in kept)
    # The largest view has a row for each sample: DuckDB gives its rows back as one figure.
    if "sample_index" in columns:
        found = con.execute(f"select count(*), bit_xor(hash({quoted})) from {table}").fetchall()
        return Counter(tuple(map(repr, row)) for row in found)
    rows = con.execute(f"select {quoted} from {table}").fetchall()
    return Counter(
        tuple(f"{column}={_plain(value, names)!r}" for column, value in zip(kept, row, strict=True)) for row in rows
    )


def _lake(root: Path, names: dict[str, str]) -> Rows:
    """One row for each file, its path and content, and for each empty directory."""
    rows: Rows = Counter()
    for path in root.rglob("*"):
        relative = _plain(str(path.relative_to(root)), names)
        if path.suffix == ".parquet":
            rows.update((f"{relative}: {row}",) for row in _parquet_rows(path, names))
        elif path.is_file():
            rows[f"{relative}: {hashlib.sha256(path.read_bytes()).hexdigest()}",] += 1
        elif not any(path.iterdir()):
            rows[f"{relative}/",] += 1
    return rows


def _parquet_rows(path: Path, names: dict[str, str]) -> list[str]:
    table = pq.read_table(path)
    rows = [f"columns {table.schema.names}"]
    for number, row in enumerate(zip(*table.columns, strict=True)):
        values = (
            hashlib.sha256(np.asarray(value.values).tobytes()).hexdigest()[:16]
            if hasattr(value, "values")
            else _plain(value.as_py(), names)
            for value in row
        )
        rows.append(f"row {number}: {list(values)}")
    return rows
