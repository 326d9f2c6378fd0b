"""Exactly-once loading: pending files become raw rows, refused rows and catalog updates in one transaction.

Killed at any instant, the next run ends with the same tables as a run that was never killed: what was committed is not
done again, and what was not committed left no trace.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import duckdb
import pyarrow as pa

from orchestration.lib.catalog.crawl import crawl
from orchestration.lib.catalog.load_queue import (
    LoadTransaction,
    PendingFile,
    begin_load,
    delete_rows,
    finish_load,
    mark_for_reload,
    select_pending_files,
)
from orchestration.lib.catalog.load_report import FileResult, LoadReport
from orchestration.lib.contract.entity import Entity, RejectedRow, entities_of
from orchestration.lib.core import progress
from orchestration.lib.ingest import records, truncated
from orchestration.lib.ingest.typed_files import chunked, content_of, insert_whole_files
from orchestration.lib.ingest.typing_sql import bulk_sql, typing_sql, value_columns, value_keys
from orchestration.lib.lake.delivery import SETTLE_SECONDS, Delivery
from orchestration.lib.lake.files import Lake
from orchestration.lib.warehouse.arrow import insert_arrow
from orchestration.lib.warehouse.connection import Warehouse, transaction

_LOG = logging.getLogger(__name__)

# DuckDB spends about 0.2 ms on opening a file, Python 5 us on reading it and 10 us on a record: below this size reading
# file by file is faster (measured: 20,000 headers 0.5 s against 3.6 s), above it DuckDB's parallel reader is.
BULK_BYTES = 256 * 1024
# Characters that DuckDB would take for a pattern in a file's name.
_GLOB = frozenset("*?[]{}")
# Files of which a copy without the last record is kept open at once: a process may have some thousand open files.
_COPIES = 100
# What the careful gear holds in memory at once.
_CAREFUL_BYTES, _CAREFUL_FILES = 64 * 2**20, 2_000
# Records that the bulk gear looks at to name unknown fields: reading every key of every record would double its cost.
_UNKNOWN_FIELD_SAMPLE = 20_000


def load(
    entity: Entity,
    lake: Lake,
    warehouse: Warehouse,
    deliveries: Sequence[Delivery] | None = None,
    reload: bool = False,
    log: logging.Logger | None = None,
) -> LoadReport:
    """Load every pending file of an entity into its raw table, once. The catalog says which files are pending.

    Parameters
    ----------
    deliveries
        Load only these (and files of any delivery that waited for a partner). Default: all.
    reload
        Load the deliveries' files anew, replacing their rows.
    """
    started = time.monotonic()
    log = log or _LOG
    report = LoadReport()
    with warehouse.write() as con:
        if reload:
            mark_for_reload(con, entity, deliveries)
        with transaction(con):
            files = select_pending_files(con, entity, deliveries, report)
        if files:
            loading = _Loading(con, entity, lake, begin_load(con), report, log)
            # Into temporary tables and before the transaction: a file that DuckDB cannot read would abort it.
            if entity.reader is None:
                loading.read(files)
            with transaction(con):
                loading.write(files)
    report.seconds = time.monotonic() - started
    return report


def crawl_and_load(
    entity: Entity,
    entities: Sequence[Entity],
    lake: Lake,
    warehouse: Warehouse,
    deliveries: Sequence[Delivery] | None = None,
    reload: bool = False,
    settle_seconds: float = SETTLE_SECONDS,
    log: logging.Logger | None = None,
) -> LoadReport:
    """Crawl the deliveries and load an entity's pending files; ``entities`` are the kinds of file of its measurement.

    The report counts what the crawl refused too. A build crawls once for all of its loads, and calls `load` alone.
    """
    with warehouse.write() as con:
        crawled = crawl(con, lake, entities_of(entities, entity.measurement), deliveries, settle_seconds, log)
    report = load(entity, lake, warehouse, deliveries, reload, log)
    report.add_crawl(crawled)
    return report


class _Rows(NamedTuple):
    """The rows of one file in a table of the bulk gear."""

    file: int
    row_count: int
    first_row: int


class _Bulk(NamedTuple):
    """A table of the bulk gear, and the rows of those files in it that are without doubt."""

    table: str
    rows: dict[PendingFile, _Rows]


class _Loading:
    """One load transaction of one entity."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        entity: Entity,
        lake: Lake,
        begun: LoadTransaction,
        report: LoadReport,
        log: logging.Logger,
    ) -> None:
        self.con, self.entity, self.lake, self.begun = con, entity, lake, begun
        self.report, self.log = report, log
        self.unknown_fields: set[str] = set()
        self.today = begun.started_at.date().isoformat()
        columns, problem = typing_sql(entity, self.today)
        self.typed_columns, self.problem = ", ".join(columns), problem
        self.bulks: list[_Bulk] = []
        self.whole_parts: dict[PendingFile, truncated.WholePart] = {}
        self.outcomes: dict[str, FileResult] = {}

    def read(self, files: list[PendingFile]) -> None:
        """Read the files' records into temporary tables: ``typed`` and, of large files, those of ``self.bulks``."""
        self.outcomes = {file.raw_path: FileResult(file.raw_path) for file in files}
        names = ", ".join(f'null::{item.type} as "{item.name}"' for item in self.entity.fields)
        self.con.execute(
            f"""
            create or replace temp table typed as
            select ''::varchar as raw_path, 0::bigint as row_number, 0::bigint as line_number, ''::varchar as raw_text,
                {names}, ''::varchar as problem
            where false
            """
        )
        bulk = [
            file
            for file in files
            if file.size_bytes >= BULK_BYTES
            and self.entity.file_format == "json"
            and not _GLOB & set(str(self.lake.path(file.raw_path)))
            and self._may_be_read_in_bulk(file)
        ]
        careful = sorted(set(files) - set(bulk), key=lambda file: file.raw_path)
        with progress.task(f"Loading {self.entity.table.name}", total=len(files)) as task:
            if bulk:
                careful += self._read_in_bulk(bulk)
                task.advance(len(files) - len(careful))
            for chunk in chunked(careful, _CAREFUL_BYTES, _CAREFUL_FILES):
                self._read_carefully(chunk)
                task.advance(len(chunk))

    def write(self, files: list[PendingFile]) -> None:
        """Put the good records into the raw table, and into the catalog what became of each file."""
        removed_row_count = delete_rows(self.con, self.entity, [file.raw_path for file in files])
        if self.entity.reader is None:
            self._insert_rows(files)
        else:
            self.outcomes = insert_whole_files(self.con, self.entity, self.lake, self.begun, files)
        outcomes = list(self.outcomes.values())
        unknown = sorted(self.unknown_fields)
        if unknown:
            self.log.warning(
                "%s: fields that the contract does not know: %s", self.entity.table.name, ", ".join(unknown)
            )
        finish_load(self.con, self.entity, self.begun, files, outcomes, unknown, removed_row_count)
        self.report.add(outcomes)
        self.report.unknown_fields += unknown

    def _may_be_read_in_bulk(self, file: PendingFile) -> bool:
        """A file that was cut off DuckDB cannot read, nor any that it reads with it: it gets what is whole of it."""
        try:
            if truncated.ends_with_a_record(self.lake, file.raw_path):
                return True
            if len(self.whole_parts) == _COPIES or self.entity.is_single_record:
                return False
            whole = truncated.whole_part(self.lake, file.raw_path)
        except OSError:
            return False  # the careful gear says why
        if whole:
            self.whole_parts[file] = whole
        return whole is not None

    def _path(self, file: PendingFile) -> str:
        """What DuckDB reads of a file."""
        whole = self.whole_parts.get(file)
        return whole.path if whole else str(self.lake.path(file.raw_path))

    def _read_in_bulk(self, files: list[PendingFile]) -> list[PendingFile]:
        """Read large files with DuckDB; gives back those that need a careful look, be it only at their end."""
        table = f"bulk_{len(self.bulks)}"
        paths = [self._path(file) for file in files]
        try:
            self.con.execute(f"create or replace temp table {table} as {bulk_sql(self.entity, paths, self.today)}")
        except duckdb.Error:
            # One file that DuckDB cannot read fails them all: halve until it stands alone.
            if len(files) == 1:
                return files
            middle = len(files) // 2
            return self._read_in_bulk(files[:middle]) + self._read_in_bulk(files[middle:])
        # Rows stand in the order in which they were read, and so a file's rows together.
        found = self.con.execute(
            f"""
            select _file, count(*), min(rowid)
            from {table}
            group by _file
            having not bool_or(_is_doubtful) and max(rowid) - min(rowid) + 1 = count(*)
            """
        ).fetchall()
        bulk = _Bulk(table, {files[index]: _Rows(index, count, first) for index, count, first in found})
        self.bulks.append(bulk)
        self._note_unknown_fields(list(bulk.rows))
        return [file for file in files if file not in bulk.rows or file in self.whole_parts]

    def _note_unknown_fields(self, files: list[PendingFile]) -> None:
        if not files:
            return
        keys = self.con.execute(
            """
            select distinct unnest(json_keys(json))
            from (select json from read_json_objects(?, format = 'auto', ignore_errors = true) limit ?)
            where json_type(json) = 'OBJECT'
            """,
            [[self._path(file) for file in files], _UNKNOWN_FIELD_SAMPLE],
        ).fetchall()
        self.unknown_fields |= {records.escape_unprintable(key) for (key,) in keys} - set(value_keys(self.entity))

    def _read_carefully(self, files: list[PendingFile]) -> None:
        keys = value_keys(self.entity)
        texts: dict[str, list[str | None]] = {key: [] for key in keys}
        paths: list[str] = []
        numbers: list[int] = []
        lines: list[int] = []
        raw_texts: list[str] = []
        for file in files:
            for number, record in enumerate(self._records(file), start=self._count_in_bulk(file) + 1):
                if record.problem:
                    row = RejectedRow(record.line_number, record.raw_text, record.problem)
                    self.outcomes[file.raw_path].rejected.append(row)
                    continue
                self.unknown_fields |= {records.escape_unprintable(key) for key in record.values.keys() - texts.keys()}
                for key in keys:
                    texts[key].append(record.values.get(key))
                paths.append(file.raw_path)
                numbers.append(number)
                lines.append(record.line_number)
                raw_texts.append(record.raw_text)
        rows = pa.table(
            {
                "raw_path": pa.array(paths, pa.string()),
                "row_number": pa.array(numbers, pa.int64()),
                "line_number": pa.array(lines, pa.int64()),
                "raw_text": pa.array(raw_texts, pa.string()),
            }
            | {
                column: pa.array(values, pa.string())
                for column, values in zip(value_columns(self.entity), texts.values(), strict=True)
            }
        )
        insert_arrow(
            self.con,
            f"""
            insert into typed by name
            select raw_path, row_number, line_number, raw_text, {self.typed_columns}, {self.problem} as problem
            from rows
            """,
            rows,
        )

    def _count_in_bulk(self, file: PendingFile) -> int:
        """How many of a file's records the bulk gear has read."""
        return sum(bulk.rows[file].row_count for bulk in self.bulks if file in bulk.rows)

    def _records(self, file: PendingFile) -> Iterator[records.Record]:
        """The records of a file that the bulk gear has not read."""
        outcome = self.outcomes[file.raw_path]
        content = content_of(self.lake, file, outcome)
        if content is None:
            return
        count = self._count_in_bulk(file)
        line_count = 0
        if count:
            content, line_count = content[self.whole_parts[file].size_bytes :], self.whole_parts[file].line_count
        for record in records.scan(content, self.entity):
            count += 1
            if line_count:
                record = replace(record, line_number=record.line_number + line_count)
            if count > 1 and self.entity.is_single_record and not record.problem:
                problem = "this file holds one object, and this is another"
                record = records.Record(record.line_number, record.raw_text, {}, problem)
            yield record
        if not count:
            expected = "JSON objects" if self.entity.file_format == "json" else "a header line and a record a line"
            outcome.reason = f"it is empty: expected {expected}"

    def _insert_rows(self, files: list[PendingFile]) -> None:
        """Insert the good rows, with what the path says of them; note the others."""
        for path, line_number, raw_text, problem in self.con.execute(
            "select raw_path, line_number, raw_text, problem from typed where problem is not null order by all"
        ).fetchall():
            # A reason quotes the value: what is no text there would be none in a terminal either.
            self.outcomes[path].rejected.append(RejectedRow(line_number, raw_text, records.escape_unprintable(problem)))
        for path, count in self.con.execute(
            "select raw_path, count(*) from typed where problem is null group by raw_path"
        ).fetchall():
            self.outcomes[path].row_count = count
        self._insert(
            files,
            "typed inner join rows on rows.raw_path = typed.raw_path where typed.problem is null",
            "typed.row_number",
        )
        for bulk in self.bulks:
            for file, rows in bulk.rows.items():
                self.outcomes[file.raw_path].row_count += rows.row_count
            self._insert(
                list(bulk.rows),
                f"{bulk.table} as typed inner join rows on rows._file = typed._file",
                "typed.rowid - rows._first + 1",
                {
                    "_file": [rows.file for rows in bulk.rows.values()],
                    "_first": [rows.first_row for rows in bulk.rows.values()],
                },
            )
        for outcome in self.outcomes.values():
            outcome.rejected.sort(key=lambda row: row.line_number)
            if not outcome.row_count and not outcome.rejected and outcome.reason is None:
                outcome.reason = "it holds no record"

    def _insert(
        self, files: list[PendingFile], source: str, row_number: str, more: dict[str, list[int]] | None = None
    ) -> None:
        """Insert rows of ``typed``, joined with what the files' paths say (``rows``), into the raw table."""
        if not files:
            return
        entity = self.entity
        from_path = {
            "clinic": [file.clinic for file in files],
            "delivery": [file.delivery for file in files],
        } | {name: [_from_path(entity, name, file) for file in files] for name in entity.path_columns}
        rows = pa.table(from_path | {"raw_path": [file.raw_path for file in files]} | (more or {}))
        names = ", ".join([f'rows."{name}"' for name in from_path] + [f'typed."{item.name}"' for item in entity.fields])
        insert_arrow(
            self.con,
            f"""
            insert into {entity.table.name} by name
            select {names}, rows.raw_path as _raw_path, {row_number} as _row_number,
                ? as _load_id, ?::timestamp as _loaded_at
            from {source}
            """,
            rows,
            [self.begun.load_id, self.begun.started_at],
        )


def _from_path(entity: Entity, name: str, file: PendingFile) -> object:
    match = entity.match(file.path_below)
    assert match is not None, f"the catalog says that {file.raw_path} is a {entity.name}"
    return entity.path_columns[name][1](match)
