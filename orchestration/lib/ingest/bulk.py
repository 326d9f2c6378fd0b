"""The fast path: DuckDB reads many large JSON files at once into temporary tables.

It says nothing about what is wrong with a file. A file in which anything is suspect is left to the strict path.
"""

import os
from dataclasses import dataclass, field
from typing import NamedTuple

import duckdb

from orchestration.lib.catalog.load_transaction import LoadTransaction, PendingFile
from orchestration.lib.contract.entity import Entity
from orchestration.lib.ingest.raw_rows import insert_raw_rows
from orchestration.lib.ingest.records import escape_unprintable
from orchestration.lib.ingest.typing_sql import bulk_sql, value_keys
from orchestration.lib.lake.files import Lake

# DuckDB spends about 0.2 ms on opening a file, Python 5 us on reading it and 10 us on a record: below this size reading
# file by file is faster (measured: 20,000 headers 0.5 s against 3.6 s), above it DuckDB's parallel reader is.
BULK_BYTES = 256 * 1024
# Characters that DuckDB would take for a pattern in a file's name.
_GLOB = frozenset("*?[]{}")
# Bytes that may follow the last record of a file, and how many of them are looked at.
_AFTER_RECORD = b" \t\r\n,]"
_TAIL_BYTES = 64
# Records that are searched for unknown fields: reading every key of every record would double the cost.
_UNKNOWN_FIELD_SAMPLE = 20_000


class _FileRows(NamedTuple):
    """The rows of one file in a temporary table, which stand together there."""

    file_index: int
    row_count: int
    first_row: int


@dataclass
class BulkRows:
    """Rows that were read on the fast path: for each temporary table, its files and where their rows stand."""

    tables: dict[str, dict[PendingFile, _FileRows]] = field(default_factory=dict)
    unknown_fields: set[str] = field(default_factory=set)

    @property
    def files(self) -> set[PendingFile]:
        """Return the files that were read; the others are suspect."""
        return {file for rows in self.tables.values() for file in rows}


def can_read(entity: Entity, lake: Lake, file: PendingFile) -> bool:
    """Decide whether a file is worth the fast path and may be whole."""
    return (
        entity.file_format == "json"
        and file.size_bytes >= BULK_BYTES
        and not _GLOB & set(str(lake.path(file.raw_path)))
        and _ends_with_record(lake, file)
    )


def _ends_with_record(lake: Lake, file: PendingFile) -> bool:
    """Guess by a file's last bytes if it is whole. DuckDB cannot read a truncated file, nor any other with it."""
    try:
        with lake.open(file.raw_path) as content:
            content.seek(max(0, content.seek(0, os.SEEK_END) - _TAIL_BYTES))
            return content.read().rstrip(_AFTER_RECORD).endswith(b"}")
    except OSError:
        return False  # the strict path gives the reason


def read(con: duckdb.DuckDBPyConnection, entity: Entity, lake: Lake, files: list[PendingFile], today: str) -> BulkRows:
    """Read files into temporary tables, typed; files in which anything is suspect are left out.

    Parameters
    ----------
    today
        Today's date, UTC, as ``YYYY-MM-DD``.
    """
    bulk_rows = BulkRows()
    groups = [files] if files else []
    while groups:
        group = groups.pop()
        table = f"bulk_{len(bulk_rows.tables)}"
        paths = [str(lake.path(file.raw_path)) for file in group]
        try:
            con.execute(f"create or replace temp table {table} as {bulk_sql(entity, paths, today)}")
        except duckdb.Error:
            # One file that DuckDB cannot read fails them all: halve until it stands alone.
            middle = len(group) // 2
            groups += [group[middle:], group[:middle]] if middle else []
            continue
        # Rows stand in the order in which they were read, and so a file's rows together.
        rows = con.execute(
            f"""
            select _file, count(*), min(rowid)
            from {table}
            group by _file
            having not bool_or(_is_suspect) and max(rowid) - min(rowid) + 1 = count(*)
            """
        ).fetchall()
        bulk_rows.tables[table] = {group[index]: _FileRows(index, count, first) for index, count, first in rows}
    paths = [str(lake.path(file.raw_path)) for file in bulk_rows.files]
    bulk_rows.unknown_fields = _unknown_fields(con, entity, sorted(paths))
    return bulk_rows


def _unknown_fields(con: duckdb.DuckDBPyConnection, entity: Entity, paths: list[str]) -> set[str]:
    if not paths:
        return set()
    keys = con.execute(
        """
        select distinct unnest(json_keys(json))
        from (select json from read_json_objects(?, format = 'auto', ignore_errors = true) limit ?)
        where json_type(json) = 'OBJECT'
        """,
        [paths, _UNKNOWN_FIELD_SAMPLE],
    ).fetchall()
    return {escape_unprintable(key) for (key,) in keys} - set(value_keys(entity))


def insert(con: duckdb.DuckDBPyConnection, entity: Entity, load: LoadTransaction, bulk_rows: BulkRows) -> None:
    """Insert the rows into the raw table, and count them in the load's results."""
    load.unknown_fields.update(bulk_rows.unknown_fields)
    for table, rows in bulk_rows.tables.items():
        for file, file_rows in rows.items():
            load.results[file.raw_path].row_count = file_rows.row_count
        insert_raw_rows(
            con,
            entity,
            load,
            list(rows),
            f"{table} as typed inner join rows on rows._file = typed._file",
            "typed.rowid - rows._first + 1",
            {
                "_file": [file_rows.file_index for file_rows in rows.values()],
                "_first": [file_rows.first_row for file_rows in rows.values()],
            },
        )
