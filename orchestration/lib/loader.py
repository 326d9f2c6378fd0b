"""Exactly-once loading: pending files become raw rows, refused rows and catalog updates in one transaction.

Killed at any instant, the next run ends with the same tables as a run that was never killed: what was committed is not
done again, and what was not committed left no trace.
"""

import gzip
import logging
import os
import time
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.lib import progress, readers
from orchestration.lib.catalog import crawl, insert_arrow
from orchestration.lib.lake import SETTLE_SECONDS, Delivery, Lake
from orchestration.lib.outcome import LoadReport, Outcome, RejectedRow, report_of_crawl
from orchestration.lib.pending import (
    BegunLoad,
    ChosenFile,
    begin_load,
    choose_files,
    delete_rows,
    finish_load,
    mark_for_reload,
)
from orchestration.lib.sources import Entity, Table
from orchestration.lib.warehouse import Warehouse, transaction

_LOG = logging.getLogger(__name__)

# DuckDB spends about 0.2 ms on opening a file, Python 5 us on reading it and 10 us on a record: below this size reading
# file by file is faster (measured: 20,000 headers 0.5 s against 3.6 s), above it DuckDB's parallel reader is.
BULK_BYTES = 256 * 1024
# Characters that DuckDB would take for a pattern in a file's name.
_GLOB = frozenset("*?[]{}")
# Records that the bulk gear looks at to name unknown fields: reading every key of every record would double its cost.
_UNKNOWN_FIELD_SAMPLE = 20_000
# Files that readers of their own read at once: 32 MB of JSON are about 0.8 million readings, 60 MB in memory. Packed
# files are a fifteenth of that size.
_READER_CHUNK_BYTES = 32 * 2**20
_READER_THREADS = os.cpu_count() or 1
# Numbers for the series of one load: more than files can be, and 9 billion loads fit.
_SERIES_OF_A_LOAD = 10**9


def load(
    entity: Entity,
    lake: Lake,
    warehouse: Warehouse,
    deliveries: Sequence[Delivery] | None = None,
    reload: bool = False,
    settle_seconds: float = SETTLE_SECONDS,
    log: logging.Logger | None = None,
) -> LoadReport:
    """Load every pending file of an entity into its raw table, once.

    Parameters
    ----------
    deliveries
        Load only these (and files of any delivery that waited for a partner). Default: all.
    reload
        Load the deliveries' files anew, replacing their rows.
    """
    started = time.monotonic()
    log = log or _LOG
    crawled = crawl(lake, warehouse, entity.measurement, deliveries, settle_seconds, log)
    report = report_of_crawl(crawled)
    with warehouse.write() as con:
        if reload:
            mark_for_reload(con, entity, deliveries)
        with transaction(con):
            files = choose_files(con, entity, deliveries, report)
        if files:
            loading = _Loading(con, entity, lake, begin_load(con), report, log)
            # Into temporary tables and before the transaction: a file that DuckDB cannot read would abort it.
            if entity.reader is None:
                loading.read(files)
            with transaction(con):
                loading.write(files)
    report.seconds = time.monotonic() - started
    return report


class _Loading:
    """One load transaction of one entity."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        entity: Entity,
        lake: Lake,
        begun: BegunLoad,
        report: LoadReport,
        log: logging.Logger,
    ) -> None:
        self.con, self.entity, self.lake, self.begun = con, entity, lake, begun
        self.report, self.log = report, log
        self.unknown_fields: set[str] = set()
        columns, problem = readers.typing_sql(entity, begun.started_at.date().isoformat())
        self.typed_columns, self.problem = ", ".join(columns), problem
        self.outcomes: dict[str, Outcome] = {}

    def read(self, files: list[ChosenFile]) -> None:
        """Read the files' records into the temporary table ``typed``."""
        self.outcomes = {file.raw_path: Outcome(file.raw_path) for file in files}
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
        ]
        careful = sorted(set(files) - set(bulk), key=lambda file: file.raw_path)
        with progress.task(f"Loading {self.entity.table.name}", total=len(files)) as task:
            if bulk:
                careful += self._read_in_bulk(bulk)
                task.advance(len(files) - len(careful))
            for chunk in _chunks(careful):
                self._read_carefully(chunk)
                task.advance(len(chunk))

    def write(self, files: list[ChosenFile]) -> None:
        """Put the good records into the raw table, and into the catalog what became of each file."""
        delete_rows(self.con, self.entity, [file.raw_path for file in files])
        if self.entity.reader is None:
            self._insert_rows(files)
        else:
            self._insert_as_read(files)
        outcomes = list(self.outcomes.values())
        unknown = sorted(self.unknown_fields)
        if unknown:
            self.log.warning(
                "%s: fields that the contract does not know: %s", self.entity.table.name, ", ".join(unknown)
            )
        finish_load(self.con, self.entity, self.begun, files, outcomes, unknown)
        self.report.add(outcomes)
        self.report.unknown_fields += unknown

    def _read_in_bulk(self, files: list[ChosenFile]) -> list[ChosenFile]:
        """Read large files with DuckDB; gives back those that need a careful look."""
        try:
            self.con.execute(
                f"""
                create or replace temp table bulk as
                select filename[{len(str(self.lake.root)) + 2}:] as raw_path, position, is_blank,
                    {self.typed_columns}, {self.problem} as problem
                from ({readers.bulk_sql(self.entity, [str(self.lake.path(file.raw_path)) for file in files])})
                """
            )
        except duckdb.Error:
            # One file that DuckDB cannot read fails them all: halve until it stands alone.
            if len(files) == 1:
                return files
            middle = len(files) // 2
            return self._read_in_bulk(files[:middle]) + self._read_in_bulk(files[middle:])
        found = self.con.execute(
            "select raw_path, bool_or(problem is not null or is_blank) from bulk group by raw_path"
        ).fetchall()
        clean = {path for path, has_problem in found if not has_problem}
        self.con.execute(
            """
            insert into typed by name
            select bulk.* exclude (position, is_blank), position - first_position + 1 as row_number
            from bulk
            inner join (select raw_path, min(position) as first_position from bulk group by raw_path) using (raw_path)
            where raw_path in (select unnest(?))
            """,
            [sorted(clean)],
        )
        self._note_unknown_fields([file for file in files if file.raw_path in clean])
        return [file for file in files if file.raw_path not in clean]

    def _note_unknown_fields(self, files: list[ChosenFile]) -> None:
        if not files:
            return
        keys = self.con.execute(
            """
            select distinct unnest(json_keys(json))
            from (select json from read_json_objects(?, format = 'auto', ignore_errors = true) limit ?)
            where json_type(json) = 'OBJECT'
            """,
            [[str(self.lake.path(file.raw_path)) for file in files], _UNKNOWN_FIELD_SAMPLE],
        ).fetchall()
        self.unknown_fields |= {readers.printable(key) for (key,) in keys} - set(readers.value_keys(self.entity))

    def _read_carefully(self, files: list[ChosenFile]) -> None:
        keys = readers.value_keys(self.entity)
        texts: dict[str, list[str | None]] = {key: [] for key in keys}
        paths: list[str] = []
        numbers: list[int] = []
        lines: list[int] = []
        raw_texts: list[str] = []
        for file in files:
            for number, record in enumerate(self._records(file), start=1):
                if record.problem:
                    row = RejectedRow(record.line_number, record.raw_text, record.problem)
                    self.outcomes[file.raw_path].rejected.append(row)
                    continue
                self.unknown_fields |= {readers.printable(key) for key in record.values.keys() - texts.keys()}
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
                for column, values in zip(readers.value_columns(self.entity), texts.values(), strict=True)
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

    def _records(self, file: ChosenFile) -> Iterator[readers.Record]:
        outcome = self.outcomes[file.raw_path]
        content = self._content(file)
        if content is None:
            return
        count = 0
        for record in readers.scan(content, self.entity):
            count += 1
            if count > 1 and self.entity.is_single_record and not record.problem:
                problem = "this file holds one object, and this is another"
                record = readers.Record(record.line_number, record.raw_text, {}, problem)
            yield record
        if not count:
            expected = "JSON objects" if self.entity.file_format == "json" else "a header line and a record a line"
            outcome.reason = f"it is empty: expected {expected}"

    def _content(self, file: ChosenFile) -> bytes | None:
        """A file's bytes, unpacked; None, with the reason in its outcome, if they cannot be had."""
        try:
            content = self.lake.read_bytes(file.raw_path)
            return gzip.decompress(content) if file.raw_path.endswith(".gz") else content
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            reason = f"it is no whole gzip file ({str(error).rstrip('.')}): pack and deliver it again"
        except OSError as error:
            reason = f"it cannot be read ({error.strerror})"
        self.outcomes[file.raw_path].reason = reason
        return None

    def _insert_as_read(self, files: list[ChosenFile]) -> None:
        """Insert what the entity's own reader gives, some files at a time: its rows are typed, none can fail in DuckDB.

        So they need not be kept a second time, and memory does not grow with the delivery.
        """
        self.outcomes = {file.raw_path: Outcome(file.raw_path) for file in files}
        with (
            progress.task(f"Loading {self.entity.table.name}", total=len(files)) as task,
            ThreadPoolExecutor(_READER_THREADS) as pool,
        ):
            series_count = 0
            chunks = list(_chunks(files, _READER_CHUNK_BYTES))
            reading = pool.map(self._read_rows, chunks[0])
            for number_of_chunk, chunk in enumerate(chunks, start=1):
                read = [found for found in reading if found is not None]
                # The next files are read while these are inserted.
                reading = pool.map(self._read_rows, chunks[number_of_chunk] if number_of_chunk < len(chunks) else [])
                for index, table in enumerate(self.entity.stored):
                    parts = []
                    first = self.begun.load_id * _SERIES_OF_A_LOAD + series_count
                    for part in read:
                        # Numbered within the file; from here on within the warehouse.
                        number = pc.add(part[index]["series_id"], pa.scalar(first))
                        parts.append(part[index].set_column(0, "series_id", number))
                        first += part[0].num_rows
                    if parts:
                        self._insert(table, pa.concat_tables(parts))
                series_count += sum(series.num_rows for series, _ in read)
                task.advance(len(chunk))

    def _insert(self, table: Table, rows: pa.Table) -> None:
        lineage = ", ? as _load_id, ?::timestamp as _loaded_at" if "_load_id" in table.columns else ""
        insert_arrow(
            self.con,
            f"insert into {table.name} by name select *{lineage} from rows",
            rows,
            [self.begun.load_id, self.begun.started_at] if lineage else None,
        )

    def _read_rows(self, file: ChosenFile) -> tuple[pa.Table, pa.Table] | None:
        """The rows of a file as its entity's reader gives them: series, with what the path says of them, and values."""
        outcome, content = self.outcomes[file.raw_path], self._content(file)
        if content is None or self.entity.reader is None:
            return None
        match = self.entity.match(file.path_below)
        assert match is not None, f"the catalog says that {file.raw_path} is a {self.entity.name}"
        found = self.entity.reader(content, match)
        outcome.row_count, outcome.rejected = found.rows.num_rows, found.rejected
        if not found.rows.num_rows:
            if not found.rejected:
                outcome.reason = found.reason or "it holds no record"
            return None
        series, values = _split(found.rows, self.entity.series)
        for name, value in {"clinic": file.clinic, "delivery": file.delivery, "_raw_path": file.raw_path}.items():
            series = series.append_column(name, pa.repeat(pa.scalar(value), series.num_rows))
        return series, values

    def _insert_rows(self, files: list[ChosenFile]) -> None:
        """Insert the good rows, with what the path says of them; note the others."""
        entity = self.entity
        for path, line_number, raw_text, problem in self.con.execute(
            "select raw_path, line_number, raw_text, problem from typed where problem is not null order by all"
        ).fetchall():
            self.outcomes[path].rejected.append(RejectedRow(line_number, raw_text, problem))
        for path, count in self.con.execute(
            "select raw_path, count(*) from typed where problem is null group by raw_path"
        ).fetchall():
            self.outcomes[path].row_count = count
        for outcome in self.outcomes.values():
            outcome.rejected.sort(key=lambda row: row.line_number)
            if not outcome.row_count and not outcome.rejected and outcome.reason is None:
                outcome.reason = "it holds no record"
        paths = pa.table(
            {
                "raw_path": [file.raw_path for file in files],
                "clinic": [file.clinic for file in files],
                "delivery": [file.delivery for file in files],
            }
            | {name: [_from_path(entity, name, file) for file in files] for name in entity.path_columns}
        )
        names = ", ".join(f'typed."{item.name}"' for item in entity.fields)
        insert_arrow(
            self.con,
            f"""
            insert into {entity.table.name} by name
            select rows.* exclude (raw_path), {names}, typed.raw_path as _raw_path, typed.row_number as _row_number,
                ? as _load_id, ?::timestamp as _loaded_at
            from typed
            inner join rows on rows.raw_path = typed.raw_path
            where typed.problem is null
            """,
            paths,
            [self.begun.load_id, self.begun.started_at],
        )


def _split(rows: pa.Table, names: Sequence[str]) -> tuple[pa.Table, pa.Table]:
    """Rows as series (each combination of the named columns, dictionaries, once) and values, with a number from 0."""
    codes = np.zeros(rows.num_rows, np.int64)
    texts = {}
    for name in names:
        column = rows[name].combine_chunks()
        texts[name] = column.dictionary
        codes = codes * len(column.dictionary) + column.indices.to_numpy()
    present = np.flatnonzero(np.bincount(codes))
    number = np.zeros(present[-1] + 1, np.int64)
    number[present] = np.arange(len(present))
    series: dict[str, object] = {"series_id": np.arange(len(present))}
    for name in reversed(names):
        series[name] = texts[name].take(pa.array(present % len(texts[name])))
        present //= len(texts[name])
    values = rows.drop_columns(list(names)).add_column(0, "series_id", pa.array(number[codes]))
    return pa.table(series), values


def _from_path(entity: Entity, name: str, file: ChosenFile) -> object:
    match = entity.match(file.path_below)
    assert match is not None, f"the catalog says that {file.raw_path} is a {entity.name}"
    return entity.path_columns[name][1](match)


def _chunks(
    files: Sequence[ChosenFile], size_bytes: int = 64 * 2**20, count: int = 2_000
) -> Iterator[list[ChosenFile]]:
    """Files in groups of bounded size, so that memory does not grow with the delivery."""
    chunk: list[ChosenFile] = []
    total = 0
    for file in files:
        if chunk and (total + file.size_bytes > size_bytes or len(chunk) == count):
            yield chunk
            chunk, total = [], 0
        chunk.append(file)
        total += file.size_bytes
    if chunk:
        yield chunk
