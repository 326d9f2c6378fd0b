"""Define the lists that the API reads from the published file, and read single subjects and runs."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from orchestration.lib.core.errors import NotThere
from orchestration.lib.query.pagination import Listing

SUBJECTS = Listing("ecg.subject", ("subject_key",), {"clinic": "clinic = $clinic"})
REVENUE = Listing(
    "practice.revenue_10min",
    ("clinic", "category", "window_start_at"),
    {
        "clinic": "clinic = $clinic",
        "category": "category = $category",
        "start": "window_start_at >= $start",
        "end": "window_start_at < $end",
    },
)
ADHERENCE = Listing("wearable.adherence", ("participant_key",), {"clinic": "clinic = $clinic"})
FILES = Listing(
    "catalog.file",
    ("raw_path",),
    {"clinic": "clinic = $clinic", "measurement": "measurement = $measurement", "status": "status = $status"},
)


def read_subject(con: duckdb.DuckDBPyConnection, subject_key: str) -> pa.Table:
    """Read a subject's row of ``ecg.subject``, with the keys of its runs as ``run_keys``.

    Raises
    ------
    NotThere
        If there is no such subject.
    """
    sql = """
        select
            *,
            (
                select list(run_key order by run_number) from ecg.run where run.subject_key = subject.subject_key
            ) as run_keys
        from ecg.subject
        where subject_key = $key
    """
    return _one(con.execute(sql, {"key": subject_key}).to_arrow_table(), f"subject {subject_key}")


def read_run(con: duckdb.DuckDBPyConnection, run_key: str) -> pa.Table:
    """Read a run's row of ``ecg.run``.

    Raises
    ------
    NotThere
        If there is no such run.
    """
    sql = "select * from ecg.run where run_key = $key"
    return _one(con.execute(sql, {"key": run_key}).to_arrow_table(), f"run {run_key}")


def _one(rows: pa.Table, what: str) -> pa.Table:
    if not len(rows):
        raise NotThere(f"there is no {what}: GET /api/subjects has the subjects, and each subject its runs")
    return rows
