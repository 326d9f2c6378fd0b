"""Answer requests about ECG subjects, their runs and the signals of runs."""

from __future__ import annotations

from typing import Annotated, Any

import duckdb
import pyarrow as pa
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from orchestration.lib.query.pagination import DEFAULT_ROWS, Listing
from serving import openapi
from serving.answers import Answer, answer, answer_list, answer_one
from serving.context import context_of
from serving.parameters import MAX_TEXT_LENGTH, Clinic, CursorText, Limit, Points

SUBJECTS = Listing("ecg.subject", ("subject_key",), {"clinic": "clinic = $clinic"})
Key = Annotated[str, Path(max_length=MAX_TEXT_LENGTH, description="The key, such as `sf_state:01` or `sf_state:01:3`.")]
Seconds = Annotated[float, Query(ge=0, le=1e9, allow_inf_nan=False, description="Seconds from the start of the run.")]
_ADVICE = "GET /api/subjects has the subjects, and each subject its runs"
_RUN_KEYS: openapi.Schema = {
    "type": "array",
    "items": {"type": "string"},
    "description": "Keys of the subject's runs.",
}
_POINT = openapi.object_of(
    time_s=openapi.number("Time from the start of the run, in s."),
    raw_mv={"type": ["number", "null"], "description": "Sample as received, in mV; null where there is a gap."},
    filtered_mv={"type": ["number", "null"], "description": "Filtered sample, in mV."},
)
router = APIRouter(prefix="/api", tags=["ecg"])


@router.get("/subjects", summary="Subjects of ECG recordings", responses=openapi.rows("ecg.subject"))
def subjects(
    request: Request, clinic: Clinic = None, limit: Limit = DEFAULT_ROWS, cursor: CursorText = None
) -> Response:
    """List the subjects of ECG recordings."""
    return answer_list(request, SUBJECTS, limit, cursor, clinic=clinic)


@router.get(
    "/subjects/{key}",
    summary="One subject, with the keys of its runs",
    responses=openapi.one("ecg.subject", run_keys=_RUN_KEYS),
)
def subject(request: Request, key: Key) -> Response:
    """Read one subject, with the keys of its runs."""
    return answer_one(request, lambda con: read_subject(con, key), f"there is no subject {key}: {_ADVICE}")


@router.get("/runs/{key}", summary="One run: a recording and its features", responses=openapi.one("ecg.run"))
def run(request: Request, key: Key) -> Response:
    """Read one run: a recording and its features."""
    return answer_one(request, lambda con: read_run(con, key), f"there is no run {key}: {_ADVICE}")


@router.get(
    "/runs/{key}/signal",
    summary="A part of a run's signal",
    responses=openapi.rows_of(_POINT, run_key={"type": "string"}),
)
def signal(
    request: Request, key: Key, from_s: Seconds = 0.0, to_s: Seconds | None = None, max_points: Points = 500
) -> Response:
    """Read a part of a run's signal, raw and filtered, in at most `max_points` points that keep its shape.

    It is read from the lake: a signal identifies its person and is not published. If the lake cannot be read, the
    answer is a 404 that says so.
    """
    # SciPy's signal processing, which reading a signal imports, takes 1.3 s of processor time: no other route needs it.
    from orchestration.lib.query.signal import read_stretch

    lake = context_of(request).lake

    def read(con: duckdb.DuckDBPyConnection, _: tuple[Any, ...] | None) -> Answer:
        return Answer(read_stretch(con, lake, key, from_s, to_s, max_points), facts={"run_key": key})

    return answer(request, read)


def read_subject(con: duckdb.DuckDBPyConnection, subject_key: str) -> pa.Table:
    """Read a subject's row of ``ecg.subject``, with the keys of its runs as ``run_keys``; no row if there is none."""
    sql = """
        select
            *,
            (
                select list(run_key order by run_number) from ecg.run where run.subject_key = subject.subject_key
            ) as run_keys
        from ecg.subject
        where subject_key = $key
    """
    return con.execute(sql, {"key": subject_key}).to_arrow_table()


def read_run(con: duckdb.DuckDBPyConnection, run_key: str) -> pa.Table:
    """Read a run's row of ``ecg.run``; no row if there is none."""
    return con.execute("select * from ecg.run where run_key = $key", {"key": run_key}).to_arrow_table()
