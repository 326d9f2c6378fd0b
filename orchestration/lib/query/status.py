"""Summarise deliveries, loads, waiting and rejected files, from the warehouse or from the last publication."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from orchestration.lib.core.errors import VitalhouseError
from orchestration.lib.core.home import Home
from orchestration.lib.query.published import open_published
from orchestration.lib.warehouse.connection import Warehouse, WarehouseLocked

# A person at a terminal wants the status at once: the published catalog is at most one build old.
LOCK_TIMEOUT_SECONDS = 1.0
# Enough to see what is wrong; catalog.rejected_row has them all.
SHOWN = 20

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Section:
    """A part of the status: a table; lines where there are no columns; ``if_empty`` where there are no rows."""

    title: str
    rows: Rows
    if_empty: str
    columns: Sequence[str] = ()


@dataclass(frozen=True)
class Status:
    """All sections, and a remark where they were not read from the warehouse."""

    remark: str | None
    sections: list[Section]


def status(home: Home) -> Status:
    """Read the status of a home.

    Raises
    ------
    VitalhouseError
        If there is no warehouse yet, or it is locked and nothing was published.
    """
    try:
        with Warehouse(home.warehouse_path, lock_timeout_seconds=LOCK_TIMEOUT_SECONDS).read() as con:
            return Status(None, sections(con))
    except WarehouseLocked as locked:
        if not home.published_path.exists():
            raise VitalhouseError(f"{locked}; nothing is published yet that could answer instead") from None
        holder = str(locked).split(";")[0]
    with open_published(home.published_path) as con:
        row = con.execute("select any_value(published_at) from catalog.publication").fetchone()
        published_at = row[0] if row else None
        return Status(f"{holder}; this is the state published at {published_at:%Y-%m-%d %H:%M:%S} UTC", sections(con))


def sections(con: duckdb.DuckDBPyConnection) -> list[Section]:
    """Read the sections from a connection that has the catalog's tables, with or without the reasons.

    A reason may quote a value of a patient's file, so a publication has no reasons.
    """

    def rows(sql: str) -> Rows:
        return con.execute(sql).fetchall()

    has_reason = rows("select 1 from duckdb_columns() where schema_name = 'catalog' and column_name = 'reason'")
    reason = "reason" if has_reason else "'the warehouse says why when the build is over'"
    return [
        Section("Deliveries", rows(DELIVERIES), "none has been seen yet", DELIVERY_COLUMNS),
        Section("Last load of each source", rows(LAST_LOADS), "nothing has been loaded yet", LOAD_COLUMNS),
        Section("Waiting files", rows(files("waiting", reason)), "none"),
        Section("Rejected files", rows(files("rejected", reason)), "none"),
        Section("Rejected rows", rows(rejected_rows(reason)), "none"),
    ]


DELIVERY_COLUMNS = (
    "measurement", "clinic", "delivery", "files", "loaded", "duplicate", "rejected", "waiting", "pending", "missing",
    "rows", "rejected rows",
)  # fmt: skip
DELIVERIES = """
    select
        measurement,
        clinic,
        delivery,
        count(*),
        count_if(status = 'loaded'),
        count_if(status = 'duplicate'),
        count_if(status = 'rejected'),
        count_if(status = 'waiting'),
        count_if(status = 'pending'),
        count_if(status = 'missing'),
        coalesce(sum(row_count), 0)::bigint,
        coalesce(sum(rejected_count), 0)::bigint
    from catalog.file
    group by measurement, clinic, delivery
    order by measurement, clinic, delivery
"""
LOAD_COLUMNS = ("measurement", "entity", "load", "finished (UTC)", "files", "rows", "rejected rows")
LAST_LOADS = """
    select measurement, entity, load_id, finished_at, file_count, row_count, rejected_count
    from catalog.load
    qualify row_number() over (partition by measurement, entity order by load_id desc) = 1
    order by measurement, entity
"""


def rejected_rows(reason: str) -> str:
    """Write SQL that counts the rejected rows by reason."""
    return f"""
        select
            format(
                '{{:,}} in {{:,}} files: {{}} (for example {{}}{{}})',
                count(*),
                count(distinct raw_path),
                any_value({reason}),
                min(raw_path),
                coalesce(', line ' || min_by(line_number, raw_path), '')
            )
        from catalog.rejected_row
        group by {reason}
        order by count(*) desc, any_value({reason})
        limit {SHOWN}
    """


def files(file_status: str, reason: str) -> str:
    """Write SQL that lists the files of a status with their reasons; a last line says how many more there are."""
    return f"""
        with numbered as (
            select
                raw_path || ': ' || {reason} as line,
                row_number() over (order by raw_path) as number,
                count(*) over () as total
            from catalog.file
            where status = '{file_status}'
        )
        select if(number <= {SHOWN}, line, format('… and {{:,}} more', total - {SHOWN}))
        from numbered
        where number <= {SHOWN + 1}
        order by number
    """
