"""Select the pending files of an entity from the catalog, and mark those that are duplicates or wait for a partner."""

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from orchestration.lib.catalog.load_report import LoadReport
from orchestration.lib.catalog.load_transaction import DeleteRows, PendingFile, delete_rows, record_removed_rows
from orchestration.lib.contract.entity import Entity
from orchestration.lib.core.clock import utc_now
from orchestration.lib.lake.delivery import Delivery
from orchestration.lib.warehouse.arrow import insert_arrow


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


def select_pending_files(
    con: duckdb.DuckDBPyConnection,
    entity: Entity,
    deliveries: Sequence[Delivery] | None,
    report: LoadReport,
    delete: DeleteRows = delete_rows,
) -> list[PendingFile]:
    """Select the pending files of an entity, by delivery and path; mark duplicates and files without their partner.

    Of files with the same content under the same path below their delivery, the first is loaded. Call it in a
    transaction of its own, before `load_transaction`.

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
    """Release duplicates whose original has changed, or went missing before it was loaded, in whatever delivery.

    Nothing else has their content any more.
    """
    con.execute(
        """
        update catalog.file set status = 'waiting', reason = 'the file with the same content has changed'
        where raw_path in (
            with entity_file as (
                select raw_path, clinic, path_below, content_hash, status, row_count
                from catalog.file
                where measurement = ? and entity = ?
            )
            select duplicate.raw_path
            from (select * from entity_file where status = 'duplicate') as duplicate
            anti join (
                select * from entity_file
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
    delete: DeleteRows,
) -> None:
    """Mark candidates whose content is loaded already, or comes from an earlier candidate, for the same path."""
    # Duplicates are rare. To see that there is none, hashes are enough: the paths of all loaded files are far longer.
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
        record_removed_rows(con, entity, removed_row_count)


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
    """Mark files as waiting, and remove them from the candidates."""
    if not raw_paths:
        return
    report.waiting_count += len(raw_paths)
    # The counts of an earlier result, such as the 0 rows of a duplicate, do not hold for a file that is yet to be read.
    con.execute(
        """
        update catalog.file
        set status = 'waiting', reason = ?, row_count = nullif(row_count, 0), rejected_count = nullif(rejected_count, 0)
        where raw_path in (select unnest(?))
        """,
        [reason, raw_paths],
    )
    con.execute("delete from candidate where raw_path in (select unnest(?))", [raw_paths])
