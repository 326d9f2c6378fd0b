"""The API: thin routes over plain functions of the library. Values reach SQL as parameters only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import duckdb
import pyarrow as pa
from fastapi import APIRouter, Query, Request
from fastapi import Path as InPath
from pydantic import AfterValidator
from starlette.responses import Response

from orchestration.lib.lake.files import Lake
from orchestration.lib.query import lists, timeseries
from orchestration.lib.query import signal as signals
from orchestration.lib.query.pagination import (
    DEFAULT_ROWS,
    MAX_ROWS,
    Cursor,
    Listing,
    decode_cursor,
    encode_cursor,
    read_page,
)
from orchestration.lib.query.publications import Publications
from serving import content_negotiation, openapi

# Part of every ETag: raised whenever an answer's form changes, so that no 304 vouches for the old form.
VERSION = "1"
# The longest that a question may take: a hundred times what the dearest one that is allowed takes, 10,000 rows of
# 200,000 files (0.1 s on one core).
QUERY_SECONDS = 10.0
# Where a page begins and how long it is do not make another list of it.
_NOT_OF_THE_QUESTION = ("cursor", "limit", "max_points")


@dataclass(frozen=True)
class ApiContext:
    """What the routes read from."""

    publications: Publications
    lake: Lake
    query_seconds: float = QUERY_SECONDS


@dataclass(frozen=True)
class Answer:
    """Rows, where the next page begins, and what else there is to say of them; ``is_one`` for one thing, no list."""

    rows: pa.Table
    last_key: tuple[Any, ...] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    is_one: bool = False


Read = Callable[[duckdb.DuckDBPyConnection, "tuple[Any, ...] | None"], Answer]


def _utc(at: datetime) -> datetime:
    """As the published file has it; without a zone it is UTC."""
    try:
        return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
    except OverflowError:
        raise ValueError("the time lies outside the calendar") from None


# Longer than any key or name; a cursor holds a key or two.
_Text = Annotated[str, Query(max_length=500)]
Key = Annotated[str, InPath(max_length=500, description="The key, as in `sf_state:01` or `sf_state:01:3`.")]
Time = Annotated[datetime, AfterValidator(_utc)]
Limit = Annotated[int, Query(ge=1, le=MAX_ROWS, description="The most rows of a page.")]
Points = Annotated[int, Query(ge=3, le=MAX_ROWS, description="The most points of an answer.")]
CursorText = Annotated[
    str | None, Query(max_length=4000, description="`next_cursor` of the page before; without it, the first page.")
]
Seconds = Annotated[float, Query(ge=0, le=1e9, allow_inf_nan=False, description="Seconds from the run's begin.")]
Clinic = Annotated[_Text | None, Query(description="Only what came from this clinic, office or study.")]

router = APIRouter(prefix="/api")


@router.get("/subjects", tags=["ecg"], summary="Subjects of ECG recordings", responses=openapi.rows("ecg.subject"))
def subjects(
    request: Request, clinic: Clinic = None, limit: Limit = DEFAULT_ROWS, cursor: CursorText = None
) -> Response:
    """Subjects of ECG recordings."""
    return _list(request, lists.SUBJECTS, limit, cursor, clinic=clinic)


@router.get(
    "/subjects/{key}",
    tags=["ecg"],
    summary="One subject, with the keys of its runs",
    responses=openapi.one("ecg.subject", run_keys=openapi.RUN_KEYS),
)
def subject(request: Request, key: Key) -> Response:
    """One subject, with the keys of its runs."""
    return _answer(request, None, lambda con, _: Answer(lists.read_subject(con, key), is_one=True))


@router.get(
    "/runs/{key}", tags=["ecg"], summary="One run: a recording and its features", responses=openapi.one("ecg.run")
)
def run(request: Request, key: Key) -> Response:
    """One run: a recording and its features."""
    return _answer(request, None, lambda con, _: Answer(lists.read_run(con, key), is_one=True))


@router.get("/runs/{key}/signal", tags=["ecg"], summary="A stretch of a run's signal", responses=openapi.SIGNAL)
def signal(
    request: Request, key: Key, from_s: Seconds = 0.0, to_s: Seconds | None = None, max_points: Points = 500
) -> Response:
    """A stretch of a run's signal, raw and filtered, thinned out to its shape.

    It is read from the lake: a signal identifies its person and is not published. Where the lake cannot be read, the
    answer is a 404 that says so.
    """
    lake = _door(request).lake
    return _answer(
        request,
        None,
        lambda con, _: Answer(signals.read_stretch(con, lake, key, from_s, to_s, max_points), facts={"run_key": key}),
    )


@router.get("/series", tags=["wearable"], summary="A participant's readings of one metric", responses=openapi.SERIES)
def wearable_series(
    request: Request,
    participant: Annotated[_Text, Query(description="Key of the participant, or the id where only one study has it.")],
    metric: Annotated[_Text, Query(description="What was measured, as in `heart_rate_bpm`.")],
    start: Annotated[Time | None, Query(description="From when, UTC unless it has a zone; default: the first.")] = None,
    end: Annotated[Time | None, Query(description="Until before when; default: the last.")] = None,
    max_points: Points = 500,
    resolution: Annotated[
        Literal["auto", "1m", "15m", "1h", "1d"],
        Query(description="`auto`: one page that keeps the shape. Otherwise every bucket, in pages of `max_points`."),
    ] = "auto",
    cursor: CursorText = None,
) -> Response:
    """A participant's readings of one metric, in buckets as fine as `max_points` allows."""

    def read(con: duckdb.DuckDBPyConnection, last_key: tuple[Any, ...] | None) -> Answer:
        after = last_key[0] if last_key else None
        found = timeseries.find_series(participant, metric, start, end, max_points, resolution, after, con=con)
        rows = pa.table({name: getattr(found, name) for name in timeseries.COLUMNS})
        facts = {"participant": found.participant, "metric": found.metric, "resolution": found.resolution}
        return Answer(rows, (found.next_cursor,) if found.next_cursor else None, facts)

    return _answer(request, cursor, read)


@router.get(
    "/revenue",
    tags=["practice"],
    summary="Revenue of doctor's offices",
    responses=openapi.rows("practice.revenue_10min"),
)
def revenue(
    request: Request,
    clinic: Clinic = None,
    category: Annotated[_Text | None, Query(description="Only this category.")] = None,
    start: Annotated[Time | None, Query(description="Windows from then on, UTC unless it has a zone.")] = None,
    end: Annotated[Time | None, Query(description="Windows that begin before then.")] = None,
    limit: Limit = DEFAULT_ROWS,
    cursor: CursorText = None,
) -> Response:
    """Revenue of doctor's offices by category and ten minutes."""
    return _list(request, lists.REVENUE, limit, cursor, clinic=clinic, category=category, start=start, end=end)


@router.get(
    "/adherence",
    tags=["wearable"],
    summary="Participants of studies, and whom to call",
    responses=openapi.rows("wearable.adherence"),
)
def adherence(
    request: Request, clinic: Clinic = None, limit: Limit = DEFAULT_ROWS, cursor: CursorText = None
) -> Response:
    """Participants of studies, and whom a coordinator should call."""
    return _list(request, lists.ADHERENCE, limit, cursor, clinic=clinic)


@router.get(
    "/catalog/files", tags=["catalog"], summary="Files that ever arrived", responses=openapi.rows("catalog.file")
)
def files(
    request: Request,
    clinic: Clinic = None,
    measurement: Annotated[_Text | None, Query(description="Only files of this source, as in `ecg`.")] = None,
    status: Annotated[_Text | None, Query(description="Only files with this status, as in `rejected`.")] = None,
    limit: Limit = DEFAULT_ROWS,
    cursor: CursorText = None,
) -> Response:
    """Files that ever arrived, and what became of them."""
    return _list(request, lists.FILES, limit, cursor, clinic=clinic, measurement=measurement, status=status)


def _door(request: Request) -> ApiContext:
    door: ApiContext = request.app.state.door
    return door


def _list(request: Request, listing: Listing, limit: int, cursor: str | None, **filters: object) -> Response:
    def read(con: duckdb.DuckDBPyConnection, last_key: tuple[Any, ...] | None) -> Answer:
        page = read_page(con, listing, limit, last_key, **filters)
        return Answer(page.rows, page.last_key)

    return _answer(request, cursor, read)


def _answer(request: Request, cursor_text: str | None, read: Read) -> Response:
    """Answer from what is published now, or from the publication in which a cursor's list was begun."""
    door, form, question = _door(request), content_negotiation.choose(request.headers.get("accept")), _question(request)
    cursor = decode_cursor(cursor_text, question) if cursor_text is not None else None
    publications = door.publications
    with publications.named(cursor.publication_id) if cursor else publications.latest() as publication:
        headers = {
            "ETag": f'"{publication.publication_id}.{form.name}.{VERSION}"',
            "Vary": "Accept",
            # It may be kept, by the reader alone, and is asked for each time whether it still holds.
            "Cache-Control": "private, no-cache",
        }
        if _is_known(request.headers.get("if-none-match"), headers["ETag"]):
            return Response(status_code=304, headers=headers)
        with publication.query_session(door.query_seconds) as con:
            answer = read(con, cursor.last_key if cursor else None)
    next_cursor = None
    if answer.last_key:
        next_cursor = encode_cursor(Cursor(publication.publication_id, answer.last_key), question)
        url = request.url.include_query_params(cursor=next_cursor)
        headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
    facts: dict[str, Any] = {
        "publication_id": publication.publication_id,
        "published_at": publication.published_at,
        **answer.facts,
    }
    body = form.write(answer.rows, facts if answer.is_one else {**facts, "next_cursor": next_cursor}, answer.is_one)
    return Response(body, media_type=form.media_type, headers=headers)


def _question(request: Request) -> str:
    """What makes a list this list and no other."""
    asked = sorted(item for item in request.query_params.multi_items() if item[0] not in _NOT_OF_THE_QUESTION)
    return repr((request.url.path, asked))


def _is_known(if_none_match: str | None, etag: str) -> bool:
    """Whether the reader has this very answer (RFC 9110, 13.1.2)."""
    known = [each.strip().removeprefix("W/") for each in (if_none_match or "").split(",")]
    return "*" in known or etag in known
