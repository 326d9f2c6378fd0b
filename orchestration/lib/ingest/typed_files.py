"""Files that are read whole: their bytes, unpacked, and the rows that an entity's own reader makes of them.

Such rows are typed already, and none can fail in DuckDB: they go into the raw tables as they are read, some files at a
time, so that memory does not grow with the delivery.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.lib.catalog.load_report import FileResult
from orchestration.lib.catalog.load_transaction import LoadTransaction, PendingFile
from orchestration.lib.contract.entity import Entity, Table
from orchestration.lib.core import progress
from orchestration.lib.ingest.file_bytes import in_chunks, read_unpacked
from orchestration.lib.lake.files import Lake
from orchestration.lib.warehouse.arrow import insert_arrow

# What is read at once: 32 MB of JSON are about 0.8 million readings, 60 MB in memory. Packed files are a fifteenth of
# their content's size.
CHUNK_BYTES = 32 * 2**20
CHUNK_FILES = 2_000
_THREADS = os.cpu_count() or 1
# Numbers for the series of one load: more than files can be, and 9 billion loads fit.
_SERIES_OF_A_LOAD = 10**9
# The series of a file, and their values.
_Read = tuple[pa.Table, pa.Table]


def insert_typed_files(
    con: duckdb.DuckDBPyConnection, entity: Entity, lake: Lake, load: LoadTransaction, files: Sequence[PendingFile]
) -> None:
    """Read files with the entity's reader, insert their rows, and fill in the load's results."""

    def read(file: PendingFile) -> _Read | None:
        return _read(entity, lake, file, load.results[file.raw_path])

    series_id = load.load_id * _SERIES_OF_A_LOAD
    chunks = [*in_chunks(files, CHUNK_BYTES, CHUNK_FILES), []]
    with (
        progress.task(f"Loading {entity.table.name}", total=len(files)) as task,
        ThreadPoolExecutor(_THREADS) as pool,
    ):
        reading = pool.map(read, chunks[0])
        for chunk, next_chunk in pairwise(chunks):
            found = [rows for rows in reading if rows is not None]
            # The next files are read while these are inserted.
            reading = pool.map(read, next_chunk)
            firsts = series_id + np.cumsum([0, *(series.num_rows for series, _ in found)])
            for index, table in enumerate(entity.stored):
                parts = [_numbered(rows[index], first) for rows, first in zip(found, firsts, strict=False)]
                if parts:
                    _insert(con, table, pa.concat_tables(parts), load)
            series_id = firsts[-1]
            task.advance(len(chunk))


def _read(entity: Entity, lake: Lake, file: PendingFile, outcome: FileResult) -> _Read | None:
    """The rows of a file, numbered from 0 within it; None if there are none."""
    content, match = read_unpacked(lake, file, outcome), entity.match(file.path_below)
    assert entity.reader is not None
    assert match is not None, f"the catalog says that {file.raw_path} is a {entity.name}"
    if content is None:
        return None
    found = entity.reader(content, match)
    outcome.row_count, outcome.rejected = found.rows.num_rows, found.rejected
    if not found.rows.num_rows:
        if not found.rejected:
            outcome.reason = found.reason or "it holds no record"
        return None
    series, values = _split(found.rows, entity.series)
    for name, value in {"clinic": file.clinic, "delivery": file.delivery, "_raw_path": file.raw_path}.items():
        series = series.append_column(name, pa.repeat(pa.scalar(value), series.num_rows))
    return series, values


def _split(rows: pa.Table, names: Sequence[str]) -> _Read:
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


def _numbered(rows: pa.Table, first: int) -> pa.Table:
    """Rows whose series are numbered from 0, numbered from ``first``."""
    return rows.set_column(0, "series_id", pc.add(rows["series_id"], pa.scalar(first, pa.int64())))


def _insert(con: duckdb.DuckDBPyConnection, table: Table, rows: pa.Table, load: LoadTransaction) -> None:
    lineage = ", ? as _load_id, ?::timestamp as _loaded_at" if "_load_id" in table.columns else ""
    insert_arrow(
        con,
        f"insert into {table.name} by name select *{lineage} from rows",
        rows,
        [load.load_id, load.started_at] if lineage else None,
    )
