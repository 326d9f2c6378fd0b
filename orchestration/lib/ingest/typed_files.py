"""Load files that an entity's own reader reads whole, and whose rows it gives typed.

None of these rows can fail in DuckDB: they are inserted as they are read, some files at a time, so that memory does not
grow with the delivery.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import duckdb
import pyarrow as pa

from orchestration.lib.catalog.load_report import FileResult
from orchestration.lib.catalog.load_transaction import LoadTransaction, PendingFile
from orchestration.lib.contract.entity import Entity
from orchestration.lib.core import progress
from orchestration.lib.ingest.file_bytes import in_chunks, read_unpacked
from orchestration.lib.lake.files import Lake
from orchestration.lib.warehouse.arrow import insert_arrow

# What is read at once: 32 MB of JSON are about 0.8 million readings, 60 MB in memory. Packed files are a fifteenth of
# their content's size.
CHUNK_BYTES = 32 * 2**20
CHUNK_FILES = 2_000
_THREADS = os.cpu_count() or 1
# Keys of one load that join its stored tables: more than a load has files, and 9 billion loads fit.
_KEYS_PER_LOAD = 10**9


def insert_typed_files(
    con: duckdb.DuckDBPyConnection, entity: Entity, lake: Lake, load: LoadTransaction, files: Sequence[PendingFile]
) -> None:
    """Read files with the entity's reader, insert their rows, and fill in the load's results."""

    def read(file: PendingFile) -> tuple[pa.Table, ...] | None:
        return _read(entity, lake, file, load.results[file.raw_path])

    next_key = load.load_id * _KEYS_PER_LOAD
    chunks = [*in_chunks(files, CHUNK_BYTES, CHUNK_FILES), []]
    with (
        progress.task(f"Loading {entity.table.name}", total=len(files)) as task,
        ThreadPoolExecutor(_THREADS) as pool,
    ):
        reading = pool.map(read, chunks[0])
        for chunk, next_chunk in pairwise(chunks):
            file_rows = [rows for rows in reading if rows is not None]
            # The next files are read while these are inserted.
            reading = pool.map(read, next_chunk)
            if file_rows:
                _insert(con, entity, entity.storage.concatenate(file_rows, next_key), load)
                next_key += sum(tables[0].num_rows for tables in file_rows)
            task.advance(len(chunk))


def _read(entity: Entity, lake: Lake, file: PendingFile, result: FileResult) -> tuple[pa.Table, ...] | None:
    """Read the rows of a file, for each stored table; ``None`` if there are none."""
    content, match = read_unpacked(lake, file, result), entity.match(file.path_below)
    assert entity.reader is not None
    assert match is not None, f"the catalog says that {file.raw_path} is a {entity.name}"
    if content is None:
        return None
    parsed = entity.reader(content, match)
    result.row_count, result.rejected = parsed.rows.num_rows, parsed.rejected
    if not result.row_count:
        if not result.rejected:
            result.reason = parsed.reason or "it holds no record"
        return None
    path_values = {"clinic": file.clinic, "delivery": file.delivery, "_raw_path": file.raw_path}
    tables = []
    for table, rows in zip(entity.tables, entity.storage.split(parsed.rows), strict=True):
        for name, value in path_values.items():
            if name in table.columns:
                rows = rows.append_column(name, pa.repeat(pa.scalar(value), rows.num_rows))
        tables.append(rows)
    return tuple(tables)


def _insert(
    con: duckdb.DuckDBPyConnection, entity: Entity, tables: tuple[pa.Table, ...], load: LoadTransaction
) -> None:
    for table, rows in zip(entity.tables, tables, strict=True):
        has_lineage = "_load_id" in table.columns
        lineage = ", ? as _load_id, ?::timestamp as _loaded_at" if has_lineage else ""
        parameters = [load.load_id, load.started_at] if has_lineage else None
        insert_arrow(con, f"insert into {table.name} by name select *{lineage} from rows", rows, parameters)
