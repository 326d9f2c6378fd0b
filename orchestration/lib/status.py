"""What came, what became of it and what is still to come: read from the warehouse, or from the last publication."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from orchestration.lib.errors import VitalhouseError
from orchestration.lib.home import Home
from orchestration.lib.query import open_published
from orchestration.lib.warehouse import Warehouse, WarehouseLocked

# A person who asks how things are wants an answer now: the published catalog is at most one build old.
LOCK_TIMEOUT_SECONDS = 1.0
# Enough to see what is wrong; catalog.rejected_row has them all.
SHOWN = 20

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Section:
    """A part of the answer: a table under a heading, or what to say where it would be empty."""

    title: str
    columns: Sequence[str]
    rows: Rows
    if_empty: str


@dataclass(frozen=True)
class Status:
    """All parts, and a remark on where they were read."""

    remark: str | None
    sections: list[Section]


def status(home: Home) -> Status:
    """How things are.

    Raises
    ------
    VitalhouseError
        If there is no warehouse yet, or it is locked and nothing was published.
    """
    try:
        with Warehouse(home.warehouse_path, LOCK_TIMEOUT_SECONDS).read() as con:
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
    """The parts, from a connection that has the catalog's tables."""

    def rows(sql: str) -> Rows:
        return con.execute(sql).fetchall()

    return [
        Section("Deliveries", DELIVERY_COLUMNS, rows(DELIVERIES), "no delivery has been seen yet"),
        Section("Last load of each source", LOAD_COLUMNS, rows(LAST_LOADS), "nothing has been loaded yet"),
        Section("Waiting files", FILE_COLUMNS, rows(file_reasons("waiting")), "no file waits for another"),
        Section("Rejected files", FILE_COLUMNS, rows(file_reasons("rejected")), "no file was rejected as a whole"),
        Section("Rejected rows by reason", ROW_COLUMNS, rows(REJECTED_ROWS), "no row was rejected"),
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
FILE_COLUMNS = ("file", "reason")
ROW_COLUMNS = ("measurement", "reason", "rows", "files", "for example")
REJECTED_ROWS = f"""
    select
        file.measurement,
        rejected_row.reason,
        count(*),
        count(distinct rejected_row.raw_path),
        min(rejected_row.raw_path || coalesce(', line ' || rejected_row.line_number, ''))
    from catalog.rejected_row as rejected_row
    inner join catalog.file as file on rejected_row.raw_path = file.raw_path
    group by file.measurement, rejected_row.reason
    order by count(*) desc, rejected_row.reason
    limit {SHOWN}
"""


def file_reasons(file_status: str) -> str:
    """SQL for the files of a status and why they have it."""
    return f"""
        select raw_path, reason from catalog.file where status = '{file_status}' order by raw_path limit {SHOWN}
    """
