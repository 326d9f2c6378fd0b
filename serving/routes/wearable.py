"""Answer requests about participants of wearable studies: their readings, and how well they wear the watch."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import duckdb
import pyarrow as pa
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from orchestration.lib.query import timeseries
from orchestration.lib.query.pagination import DEFAULT_ROWS, Listing
from serving import openapi
from serving.answers import Answer, answer, answer_list
from serving.parameters import Clinic, CursorText, Limit, Points, Text, Time

ADHERENCE = Listing("wearable.adherence", ("participant_key",), {"clinic": "clinic = $clinic"})
_BUCKET = openapi.object_of(
    bucket_start_at={"type": "string", "format": "date-time", "description": "Start of the bucket."},
    reading_count={"type": "integer", "description": "Readings in the bucket."},
    value_mean=openapi.number("Mean of the values."),
    value_min=openapi.number("Smallest value."),
    value_max=openapi.number("Largest value."),
)
_SERIES = openapi.rows_of(
    _BUCKET,
    participant={"type": "string", "description": "Key of the participant."},
    metric={"type": "string"},
    resolution={"type": "string", "description": "Width of the buckets: `1m`, `15m`, `1h` or `1d`."},
)
router = APIRouter(prefix="/api", tags=["wearable"])


@router.get("/series", summary="A participant's readings of one metric", responses=_SERIES)
def series(
    request: Request,
    participant: Annotated[Text, Query(description="Key of the participant, or the id where only one study has it.")],
    metric: Annotated[Text, Query(description="What was measured, such as `heart_rate_bpm`.")],
    start: Annotated[
        Time | None, Query(description="Readings from this time on, UTC unless it has a zone; default: the first.")
    ] = None,
    end: Annotated[Time | None, Query(description="Readings before this time; default: up to the last.")] = None,
    max_points: Points = 500,
    resolution: Annotated[
        Literal["auto", "1m", "15m", "1h", "1d"],
        Query(description="`auto`: one page that keeps the shape. Otherwise every bucket, in pages of `max_points`."),
    ] = "auto",
    cursor: CursorText = None,
) -> Response:
    """Read a participant's readings of one metric, in buckets as fine as `max_points` allows."""

    def read(con: duckdb.DuckDBPyConnection, last_key: tuple[Any, ...] | None) -> Answer:
        after = last_key[0] if last_key else None
        buckets = timeseries.find_series(participant, metric, start, end, max_points, resolution, after, con=con)
        rows = pa.table({name: getattr(buckets, name) for name in timeseries.COLUMNS})
        facts = {"participant": buckets.participant, "metric": buckets.metric, "resolution": buckets.resolution}
        return Answer(rows, (buckets.next_cursor,) if buckets.next_cursor else None, facts)

    return answer(request, read, cursor)


@router.get("/adherence", summary="Participants of studies, with flags", responses=openapi.rows("wearable.adherence"))
def adherence(
    request: Request, clinic: Clinic = None, limit: Limit = DEFAULT_ROWS, cursor: CursorText = None
) -> Response:
    """List the participants of studies, with flags for those whom a coordinator should call."""
    return answer_list(request, ADHERENCE, limit, cursor, clinic=clinic)
