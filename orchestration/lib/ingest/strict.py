"""The strict path: read files record by record, and say line, text and reason of whatever is wrong."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from orchestration.lib.catalog.load_report import FileResult
from orchestration.lib.catalog.load_transaction import LoadTransaction, PendingFile
from orchestration.lib.contract.entity import Entity, RejectedRow
from orchestration.lib.ingest import records
from orchestration.lib.ingest.file_bytes import in_chunks, read_unpacked
from orchestration.lib.ingest.raw_rows import insert_raw_rows
from orchestration.lib.ingest.typing_sql import typing_sql, value_columns, value_keys
from orchestration.lib.lake.files import Lake
from orchestration.lib.warehouse.arrow import insert_arrow

# What is held in memory at once.
_CHUNK_BYTES, _CHUNK_FILES = 64 * 2**20, 2_000


@dataclass
class StrictRows:
    """The result of the strict path: typed rows in the temporary table ``typed``, and the problems of other rows."""

    files: list[PendingFile]
    results: dict[str, FileResult]
    unknown_fields: set[str] = field(default_factory=set)


def read(
    con: duckdb.DuckDBPyConnection,
    entity: Entity,
    lake: Lake,
    files: list[PendingFile],
    today: str,
    advance: Callable[[int], None],
) -> StrictRows:
    """Read files into the temporary table ``typed``.

    Parameters
    ----------
    today
        Today's date, UTC, as ``YYYY-MM-DD``.
    advance
        Called with the number of files that were read since the last call.
    """
    strict_rows = StrictRows(files, {file.raw_path: FileResult(file.raw_path) for file in files})
    columns = ", ".join(f'null::{item.type} as "{item.name}"' for item in entity.fields)
    con.execute(
        f"""
        create or replace temp table typed as
        select ''::varchar as raw_path, 0::bigint as row_number, 0::bigint as line_number, ''::varchar as raw_text,
            {columns}, ''::varchar as problem
        where false
        """
    )
    typed_columns, problem = typing_sql(entity, today)
    for chunk in in_chunks(files, _CHUNK_BYTES, _CHUNK_FILES):
        insert_arrow(
            con,
            f"""
            insert into typed by name
            select raw_path, row_number, line_number, raw_text, {", ".join(typed_columns)}, {problem} as problem
            from rows
            """,
            _texts(entity, lake, chunk, strict_rows),
        )
        advance(len(chunk))
    return strict_rows


def _texts(entity: Entity, lake: Lake, files: list[PendingFile], strict_rows: StrictRows) -> pa.Table:
    """Read the text of each value of the files' records; note the pieces that are no record."""
    keys = value_keys(entity)
    texts: dict[str, list[str | None]] = {key: [] for key in keys}
    paths: list[str] = []
    numbers: list[int] = []
    lines: list[int] = []
    raw_texts: list[str] = []
    for file in files:
        result = strict_rows.results[file.raw_path]
        for number, record in enumerate(_records(entity, lake, file, result), start=1):
            if record.problem:
                result.rejected.append(RejectedRow(record.line_number, record.raw_text, record.problem))
                continue
            unknown = record.values.keys() - texts.keys()
            strict_rows.unknown_fields |= {records.escape_unprintable(key) for key in unknown}
            for key in keys:
                texts[key].append(record.values.get(key))
            paths.append(file.raw_path)
            numbers.append(number)
            lines.append(record.line_number)
            raw_texts.append(record.raw_text)
    return pa.table(
        {
            "raw_path": pa.array(paths, pa.string()),
            "row_number": pa.array(numbers, pa.int64()),
            "line_number": pa.array(lines, pa.int64()),
            "raw_text": pa.array(raw_texts, pa.string()),
        }
        | {
            column: pa.array(values, pa.string())
            for column, values in zip(value_columns(entity), texts.values(), strict=True)
        }
    )


def _records(entity: Entity, lake: Lake, file: PendingFile, result: FileResult) -> Iterator[records.Record]:
    content = read_unpacked(lake, file, result)
    if content is None:
        return
    count = 0
    for record in records.scan(content, entity):
        count += 1
        if count > 1 and entity.is_single_record and not record.problem:
            problem = "this file holds one object, and this is another"
            yield records.Record(record.line_number, record.raw_text, {}, problem)
        else:
            yield record
    if not count:
        expected = "JSON objects" if entity.file_format == "json" else "a header line and a record a line"
        result.reason = f"it is empty: expected {expected}"


def insert(con: duckdb.DuckDBPyConnection, entity: Entity, load: LoadTransaction, strict_rows: StrictRows) -> None:
    """Insert the good rows into the raw table, and put counts, rejected rows and reasons into the load's results."""
    load.unknown_fields.update(strict_rows.unknown_fields)
    load.results.update(strict_rows.results)
    for path, line_number, raw_text, problem in con.execute(
        "select raw_path, line_number, raw_text, problem from typed where problem is not null order by all"
    ).fetchall():
        # A reason quotes the value, and must be text that a terminal can show.
        reason = records.escape_unprintable(problem)
        load.results[path].rejected.append(RejectedRow(line_number, raw_text, reason))
    for path, count in con.execute(
        "select raw_path, count(*) from typed where problem is null group by raw_path"
    ).fetchall():
        load.results[path].row_count = count
    insert_raw_rows(
        con,
        entity,
        load,
        strict_rows.files,
        "typed inner join rows on rows.raw_path = typed.raw_path where typed.problem is null",
        "typed.row_number",
    )
    for result in strict_rows.results.values():
        result.rejected.sort(key=lambda row: row.line_number)
        if not result.row_count and not result.rejected and result.reason is None:
            result.reason = "it holds no record"
