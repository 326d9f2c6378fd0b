"""Whose turn it is: chooses pending files from the catalog, and writes there what became of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.lib.catalog.load_report import FileResult, LoadReport
from orchestration.lib.contract.entity import Entity
from orchestration.lib.core.clock import utc_now
from orchestration.lib.lake.delivery import Delivery
from orchestration.lib.warehouse.arrow import insert_arrow


@dataclass(frozen=True)
class PendingFile:
    """A file whose turn it is."""

    raw_path: str
    clinic: str
    delivery: str
    path_below: str
    record_key: str | None
    size_bytes: int
    content_hash: str


def mark_for_reload(con: duckdb.DuckDBPyConnection, entity: Entity, deliveries: Sequence[Delivery] | None) -> None:
    """Make the files of the deliveries pending again. Their rows stand until the load replaces them."""
    con.execute(
        f"""
        update catalog.file set status = 'pending', reason = 'reload'
        where measurement = ? and entity = ? and status in ('loaded', 'rejected', 'duplicate')
            and content_hash is not null -- a link, or what else is no file, stays refused
            and {_in_deliveries(deliveries)}
        """,
        [entity.measurement, entity.name, *_delivery_parameter(deliveries)],
    )


def delete_rows(con: duckdb.DuckDBPyConnection, entity: Entity, raw_paths: list[str]) -> int:
    """Remove the rows that an earlier load made of these files; return how many these were."""
    removed_row_count = 0
    # Of a file that no load has seen there is nothing; to look for it all the same means to read every path.
    seen = con.execute(
        "select list(raw_path) from catalog.file where raw_path in (select unnest(?)) and load_id is not null",
        [raw_paths],
    ).fetchone()
    if seen is not None and seen[0]:
        for table in reversed(entity.stored):
            of_files = "_raw_path in (select unnest(?))"
            if "_raw_path" not in table.columns:
                of_files = f"series_id in (select series_id from {entity.stored[0].name} where {of_files})"
            deleted = con.execute(f"delete from {table.name} where {of_files}", [seen[0]]).fetchone()
            removed_row_count += deleted[0] if deleted else 0
    con.execute("delete from catalog.rejected_row where raw_path in (select unnest(?))", [raw_paths])
    return removed_row_count


def select_pending_files(
    con: duckdb.DuckDBPyConnection,
    entity: Entity,
    deliveries: Sequence[Delivery] | None,
    report: LoadReport,
    delete: Callable[[duckdb.DuckDBPyConnection, Entity, list[str]], int] = delete_rows,
) -> list[PendingFile]:
    """The files whose turn it is, by delivery and path; marks duplicates and files whose partner has not come.

    Of files with the same content under the same path below their delivery, the first is loaded.

    Parameters
    ----------
    delete
        Removes the rows of files that have become duplicates.
    """
    _release_duplicates(con, entity)
    con.execute(
        f"""
        create or replace temp table candidate as
        select raw_path, clinic, delivery, path_below, record_key, size_bytes, content_hash
        from catalog.file
        where measurement = ? and entity = ?
            and (status = 'waiting' or (status = 'pending' and {_in_deliveries(deliveries)}))
        """,
        [entity.measurement, entity.name, *_delivery_parameter(deliveries)],
    )
    _mark_duplicates(con, entity, report, delete)
    if entity.partner:
        _mark_waiting(con, entity, report)
    rows = con.execute(
        """
        select raw_path, clinic, delivery, path_below, record_key, size_bytes, content_hash
        from candidate order by clinic, delivery, raw_path
        """
    ).fetchall()
    return [PendingFile(*row) for row in rows]


def _in_deliveries(deliveries: Sequence[Delivery] | None) -> str:
    return "true" if deliveries is None else "clinic || '/' || delivery in (select unnest(?))"


def _delivery_parameter(deliveries: Sequence[Delivery] | None) -> list[list[str]]:
    return [] if deliveries is None else [[delivery.key for delivery in deliveries]]


def _release_duplicates(con: duckdb.DuckDBPyConnection, entity: Entity) -> None:
    """Take up duplicates again whose original has changed, or went before it was loaded: in whatever delivery they lie.

    They are all that is left of their content.
    """
    con.execute(
        """
        update catalog.file set status = 'waiting', reason = 'the file with the same content has changed'
        where raw_path in (
            with of_entity as (
                select raw_path, clinic, path_below, content_hash, status, row_count
                from catalog.file
                where measurement = ? and entity = ?
            )
            select duplicate.raw_path
            from (select * from of_entity where status = 'duplicate') as duplicate
            anti join (
                select * from of_entity
                where status in ('pending', 'waiting') or (status in ('loaded', 'missing') and row_count > 0)
            ) as original using (clinic, path_below, content_hash)
        )
        """,
        [entity.measurement, entity.name],
    )


def _mark_duplicates(
    con: duckdb.DuckDBPyConnection,
    entity: Entity,
    report: LoadReport,
    delete: Callable[[duckdb.DuckDBPyConnection, Entity, list[str]], int],
) -> None:
    """A candidate is a duplicate if its content is loaded, or comes from an earlier candidate, for the same path."""
    # Rarely is there any, and to see that, hashes are enough: the paths of all that was ever loaded are far longer.
    has_duplicates = con.execute(
        """
        select
            (select count(*) > count(distinct (clinic, path_below, content_hash)) from candidate)
            or exists (
                select 1 from catalog.file
                where measurement = ? and entity = ? and status in ('loaded', 'missing')
                    and content_hash in (select content_hash from candidate)
            )
        """,
        [entity.measurement, entity.name],
    ).fetchone()
    if has_duplicates == (False,):
        return
    duplicates = con.execute(
        """
        with original as (
            select raw_path, clinic, path_below, content_hash, 0 as place
            from catalog.file
            where measurement = ? and entity = ? and status in ('loaded', 'missing') and row_count > 0
                and content_hash in (select content_hash from candidate)
            union all
            select raw_path, clinic, path_below, content_hash, 1 as place from candidate
        ),
        ranked as (
            select
                raw_path,
                place,
                first_value(raw_path) over same_content as original_path,
                row_number() over same_content as number
            from original
            window same_content as (partition by clinic, path_below, content_hash order by place, raw_path)
        )
        select raw_path, original_path from ranked where place = 1 and number > 1
        """,
        [entity.measurement, entity.name],
    ).fetchall()
    if not duplicates:
        return
    report.duplicate_count += len(duplicates)
    rows = pa.table(
        {
            "raw_path": [path for path, _ in duplicates],
            "reason": [f"the same content as {original}" for _, original in duplicates],
        }
    )
    insert_arrow(
        con,
        """
        update catalog.file as file
        set status = 'duplicate', reason = rows.reason, processed_at = ?, row_count = 0, rejected_count = 0
        from rows where file.raw_path = rows.raw_path
        """,
        rows,
        [utc_now()],
    )
    insert_arrow(con, "delete from candidate where raw_path in (select raw_path from rows)", rows)
    removed_row_count = delete(con, entity, [path for path, _ in duplicates])
    if removed_row_count:
        # A load of no files: models that have seen these rows learn from it that they are gone.
        finish_load(con, entity, begin_load(con), [], [], removed_row_count=removed_row_count)


def _mark_waiting(con: duckdb.DuckDBPyConnection, entity: Entity, report: LoadReport) -> None:
    waiting = con.execute(
        """
        select raw_path from candidate
        where record_key not in (
            select record_key from catalog.file where measurement = ? and entity = ? and status != 'missing'
        )
        """,
        [entity.measurement, entity.partner],
    ).fetchall()
    mark_waiting(con, [path for (path,) in waiting], f"its {entity.partner} has not come", report)


def mark_waiting(con: duckdb.DuckDBPyConnection, raw_paths: list[str], reason: str, report: LoadReport) -> None:
    """Let files wait for what they need; takes them from the candidates."""
    if not raw_paths:
        return
    report.waiting_count += len(raw_paths)
    # The counts of an earlier outcome, such as the 0 rows of a duplicate, are none of a file that is yet to be read.
    con.execute(
        """
        update catalog.file
        set status = 'waiting', reason = ?, row_count = nullif(row_count, 0), rejected_count = nullif(rejected_count, 0)
        where raw_path in (select unnest(?))
        """,
        [reason, raw_paths],
    )
    con.execute("delete from candidate where raw_path in (select unnest(?))", [raw_paths])


@dataclass(frozen=True)
class LoadTransaction:
    """A load transaction under way."""

    load_id: int
    started_at: datetime


def begin_load(con: duckdb.DuckDBPyConnection) -> LoadTransaction:
    """Take the next load id. It is taken for good when the transaction commits."""
    row = con.execute("select coalesce(max(load_id), 0) + 1 from catalog.load").fetchone()
    assert row is not None
    return LoadTransaction(row[0], utc_now())


def finish_load(
    con: duckdb.DuckDBPyConnection,
    entity: Entity,
    begun: LoadTransaction,
    files: Sequence[PendingFile],
    outcomes: Sequence[FileResult],
    unknown_fields: Sequence[str] = (),
    removed_row_count: int = 0,
) -> None:
    """Write what became of the files into the catalog, in the transaction that wrote their rows."""
    finished_at = utc_now()
    rows = pa.table(
        {
            "raw_path": [outcome.raw_path for outcome in outcomes],
            "status": [outcome.status for outcome in outcomes],
            "reason": pa.array([_file_reason(outcome) for outcome in outcomes], pa.string()),
            "row_count": [outcome.row_count for outcome in outcomes],
            "rejected_count": [len(outcome.rejected) for outcome in outcomes],
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
        [finished_at, begun.load_id],
    )
    # What is a duplicate of a refused file is refused for the same reason.
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
    rejected = [(outcome.raw_path, row) for outcome in outcomes for row in outcome.rejected]
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
        [begun.load_id],
    )
    con.execute(
        "insert into catalog.load values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            begun.load_id,
            entity.measurement,
            entity.name,
            sorted({f"{file.clinic}/{file.delivery}" for file in files}),
            begun.started_at,
            finished_at,
            len(outcomes),
            sum(outcome.row_count for outcome in outcomes),
            sum(len(outcome.rejected) for outcome in outcomes),
            list(unknown_fields),
            removed_row_count,
        ],
    )


def _file_reason(outcome: FileResult) -> str | None:
    if outcome.status == "loaded":
        return None
    return outcome.reason or (f"line {outcome.rejected[0].line_number}: {outcome.rejected[0].reason}")
