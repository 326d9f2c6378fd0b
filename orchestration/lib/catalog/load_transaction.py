"""The one load transaction: rows, rejected rows and the catalog's updates are committed together, or not at all.

with load_transaction(con, entity, files, report) as load:
    insert_rows(con, load.load_id, load.started_at)
    load.results[raw_path].row_count = row_count
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.lib.catalog.load_report import FileResult, LoadReport
from orchestration.lib.contract.entity import Entity
from orchestration.lib.core.clock import utc_now
from orchestration.lib.warehouse.arrow import insert_arrow
from orchestration.lib.warehouse.connection import transaction


@dataclass(frozen=True)
class PendingFile:
    """A file that is to be loaded, as the catalog describes it."""

    raw_path: str
    clinic: str
    delivery: str
    path_below: str
    record_key: str | None
    size_bytes: int
    content_hash: str


@dataclass(frozen=True)
class LoadTransaction:
    """A load transaction that is open, and the results of its files so far.

    Parameters
    ----------
    load_id
        Number of the load, and value of ``_load_id`` in its rows.
    started_at
        Time at which the transaction began, UTC, and value of ``_loaded_at`` in its rows.
    results
        The result of each file by its raw path. Whoever inserts the rows fills it in.
    unknown_fields
        Names of fields that the contract does not know.
    """

    load_id: int
    started_at: datetime
    results: dict[str, FileResult]
    unknown_fields: set[str] = field(default_factory=set)


# Removes the rows of these raw paths that an earlier load inserted, and returns how many there were.
DeleteRows = Callable[[duckdb.DuckDBPyConnection, Entity, list[str]], int]


def delete_rows(con: duckdb.DuckDBPyConnection, entity: Entity, raw_paths: list[str]) -> int:
    """Remove the rows that an earlier load inserted from these files; return how many there were."""
    removed_row_count = 0
    # A file that no load has seen has no rows; a search for them would read every path.
    loaded = con.execute(
        "select list(raw_path) from catalog.file where raw_path in (select unnest(?)) and load_id is not null",
        [raw_paths],
    ).fetchone()
    if loaded is not None and loaded[0]:
        for table in reversed(entity.tables):
            from_files = entity.storage.from_files_sql(entity.table, table)
            deleted = con.execute(f"delete from {table.name} where {from_files}", [loaded[0]]).fetchone()
            removed_row_count += deleted[0] if deleted else 0
    con.execute("delete from catalog.rejected_row where raw_path in (select unnest(?))", [raw_paths])
    return removed_row_count


@contextmanager
def load_transaction(
    con: duckdb.DuckDBPyConnection,
    entity: Entity,
    files: Sequence[PendingFile],
    report: LoadReport,
    delete: DeleteRows = delete_rows,
) -> Iterator[LoadTransaction]:
    """Replace the rows of files in one transaction; the caller inserts the rows inside the ``with`` block.

    The transaction takes the next load id and deletes the files' earlier rows. After the block it writes the results
    into the catalog and commits. If the block raises, nothing of all this is kept.

    Parameters
    ----------
    report
        Counts the results once they are committed.
    delete
        Removes earlier rows, where these stand in other tables than the entity's own.
    """
    with transaction(con):
        load = _next_load(con, [file.raw_path for file in files])
        removed_row_count = delete(con, entity, list(load.results))
        yield load
        deliveries = sorted({f"{file.clinic}/{file.delivery}" for file in files})
        _write_results(con, load)
        _write_load(con, entity, load, deliveries, removed_row_count)
    report.add(load.results.values())
    report.unknown_fields += sorted(load.unknown_fields)


def record_removed_rows(con: duckdb.DuckDBPyConnection, entity: Entity, removed_row_count: int) -> None:
    """Write a load without files: incremental models that have seen the removed rows learn from it that they are gone.

    The caller holds the transaction in which the rows were removed.
    """
    _write_load(con, entity, _next_load(con, []), [], removed_row_count)


def _next_load(con: duckdb.DuckDBPyConnection, raw_paths: list[str]) -> LoadTransaction:
    row = con.execute("select coalesce(max(load_id), 0) + 1 from catalog.load").fetchone()
    assert row is not None
    return LoadTransaction(row[0], utc_now(), {path: FileResult(path) for path in raw_paths})


def _write_results(con: duckdb.DuckDBPyConnection, load: LoadTransaction) -> None:
    """Write each file's status, reason and counts into the catalog, and its rejected rows."""
    results = load.results.values()
    rows = pa.table(
        {
            "raw_path": [result.raw_path for result in results],
            "status": [result.status for result in results],
            "reason": pa.array([_file_reason(result) for result in results], pa.string()),
            "row_count": [result.row_count for result in results],
            "rejected_count": [len(result.rejected) for result in results],
        }
    )
    insert_arrow(
        con,
        """
        update catalog.file as file
        set
            status = rows.status,
            reason = rows.reason,
            row_count = rows.row_count,
            rejected_count = rows.rejected_count,
            processed_at = ?,
            load_id = ?
        from rows where file.raw_path = rows.raw_path
        """,
        rows,
        [utc_now(), load.load_id],
    )
    # A duplicate of a rejected file is rejected for the same reason.
    insert_arrow(
        con,
        """
        update catalog.file as file
        set status = 'rejected', reason = original.reason
        from (select file.* from catalog.file inner join rows using (raw_path)) as original
        where file.status = 'duplicate' and file.measurement = original.measurement and file.clinic = original.clinic
            and file.entity = original.entity and file.path_below = original.path_below
            and file.content_hash = original.content_hash
        """,
        rows.filter(pc.equal(rows["status"], "rejected")),
    )
    rejected = [(result.raw_path, row) for result in results for row in result.rejected]
    insert_arrow(
        con,
        "insert into catalog.rejected_row by name select *, ? as load_id from rows",
        pa.table(
            {
                "raw_path": pa.array([path for path, _ in rejected], pa.string()),
                "line_number": pa.array([row.line_number for _, row in rejected], pa.int64()),
                "raw_text": pa.array([row.raw_text for _, row in rejected], pa.string()),
                "reason": pa.array([row.reason for _, row in rejected], pa.string()),
            }
        ),
        [load.load_id],
    )


def _file_reason(result: FileResult) -> str | None:
    if result.status == "loaded":
        return None
    return result.reason or f"line {result.rejected[0].line_number}: {result.rejected[0].reason}"


def _write_load(
    con: duckdb.DuckDBPyConnection,
    entity: Entity,
    load: LoadTransaction,
    deliveries: list[str],
    removed_row_count: int,
) -> None:
    results = load.results.values()
    con.execute(
        "insert into catalog.load values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            load.load_id,
            entity.measurement,
            entity.name,
            deliveries,
            load.started_at,
            utc_now(),
            len(results),
            sum(result.row_count for result in results),
            sum(len(result.rejected) for result in results),
            sorted(load.unknown_fields),
            removed_row_count,
        ],
    )
