"""Estimate the size of a study: points, bytes as plain numbers, and bytes in a warehouse as measured on this one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from orchestration.lib.core.errors import UsageError

# A single-precision number: the least that a reading takes if nothing else is kept with it.
RAW_BYTES = 4
# Fewer rows fill a block of the file (256 KB) only in part, and say nothing of the bytes of one.
MIN_MEASURED_ROWS = 100_000


@dataclass(frozen=True)
class Estimate:
    """Points of a study and the bytes they take; ``bytes_per_row``: of the raw table and the roll-ups, a reading."""

    points: int
    raw_bytes: int
    measured_rows: int
    bytes_per_row: float | None

    @property
    def warehouse_bytes(self) -> int | None:
        """Return the bytes in this warehouse; ``None`` where too little is loaded to measure."""
        return None if self.bytes_per_row is None else round(self.points * self.bytes_per_row)


def estimate(
    con: duckdb.DuckDBPyConnection | None, participants: int, days: int, metrics: Sequence[str], interval_seconds: float
) -> Estimate:
    """Estimate a study in which each metric of each participant is measured at a fixed interval, day and night.

    Parameters
    ----------
    con
        A warehouse that is built, open for reading; ``None`` where there is none.

    Raises
    ------
    UsageError
        If a number is not positive.
    """
    if min(participants, days, len(metrics)) < 1 or not interval_seconds > 0:
        raise UsageError("participants, days, metrics and the interval must be positive")
    points = round(participants * days * len(metrics) * 86_400 / interval_seconds)
    measured_rows, bytes_per_row = _measure(con) if con is not None else (0, None)
    return Estimate(points, points * RAW_BYTES, measured_rows, bytes_per_row)


def _measure(con: duckdb.DuckDBPyConnection) -> tuple[int, float | None]:
    """Count the readings in the warehouse, and measure the bytes of one in the raw table and the roll-ups together."""
    row = con.execute("select count(*) from raw.wearable_reading_value").fetchone()
    assert row is not None
    if row[0] < MIN_MEASURED_ROWS:
        return row[0], None
    tables = con.execute(
        """
        select schema_name || '.' || table_name from duckdb_tables()
        where
            (schema_name = 'raw' and starts_with(table_name, 'wearable_reading_'))
            or (schema_name = 'intermediate' and starts_with(table_name, 'int_wearable_'))
        """
    ).fetchall()
    size = con.execute(
        "select block_size from pragma_database_size() where database_name = current_database()"
    ).fetchone()
    assert size is not None
    blocks: set[int] = set()
    for (name,) in tables:
        # Small columns share a block: each block counts once.
        for first, others in con.execute(
            "select block_id, additional_block_ids from pragma_storage_info(?) where block_id >= 0", [name]
        ).fetchall():
            blocks |= {first, *(others or ())}
    return row[0], len(blocks) * int(size[0]) / row[0]
