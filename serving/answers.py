"""Answer a request from one publication: as JSON, CSV or Arrow, in pages, and with 304 where nothing has changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa
from fastapi import Request
from starlette.responses import Response

from orchestration.lib.core.errors import NotThere
from orchestration.lib.query.pagination import Cursor, Listing, decode_cursor, encode_cursor, read_page
from serving import content_negotiation
from serving.context import context_of

# Part of every ETag: raised whenever the form of an answer changes, so that no 304 confirms the old form.
VERSION = "1"
# Parameters that choose a page of a list. All others choose the list.
_PAGE_PARAMETERS = ("cursor", "limit", "max_points")


@dataclass(frozen=True)
class Answer:
    """Rows, the last key of the page, and further facts; ``is_one`` for a single row instead of a list."""

    rows: pa.Table
    last_key: tuple[Any, ...] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    is_one: bool = False


Read = Callable[[duckdb.DuckDBPyConnection, "tuple[Any, ...] | None"], Answer]


def answer_list(request: Request, listing: Listing, limit: int, cursor: str | None, **filters: object) -> Response:
    """Answer with a page of a list."""

    def read(con: duckdb.DuckDBPyConnection, last_key: tuple[Any, ...] | None) -> Answer:
        page = read_page(con, listing, limit, last_key, **filters)
        return Answer(page.rows, page.last_key)

    return answer(request, read, cursor)


def answer_one(request: Request, read: Callable[[duckdb.DuckDBPyConnection], pa.Table], missing: str) -> Response:
    """Answer with a single row; without one, with 404 and the sentence ``missing``."""

    def read_one(con: duckdb.DuckDBPyConnection, _: tuple[Any, ...] | None) -> Answer:
        rows = read(con)
        if not len(rows):
            raise NotThere(missing)
        return Answer(rows, is_one=True)

    return answer(request, read_one)


def answer(request: Request, read: Read, cursor_text: str | None = None) -> Response:
    """Answer from the current publication, or from the one in which the list of a cursor was begun.

    Parameters
    ----------
    read
        Reads the answer, given a connection to the publication and the last key of the page before.
    """
    context, chosen = context_of(request), content_negotiation.choose(request.headers.get("accept"))
    list_identity = _list_identity(request)
    cursor = decode_cursor(cursor_text, list_identity) if cursor_text is not None else None
    publications = context.publications
    with publications.named(cursor.publication_id) if cursor else publications.latest() as publication:
        headers = {
            "ETag": f'"{publication.publication_id}.{chosen.name}.{VERSION}"',
            "Vary": "Accept",
            # Only the client itself may keep the answer, and it asks each time whether the answer is still valid.
            "Cache-Control": "private, no-cache",
        }
        if _is_current(request.headers.get("if-none-match"), headers["ETag"]):
            return Response(status_code=304, headers=headers)
        with publication.query_session(context.query_seconds) as con:
            content = read(con, cursor.last_key if cursor else None)
    next_cursor = None
    if content.last_key:
        next_cursor = encode_cursor(Cursor(publication.publication_id, content.last_key), list_identity)
        url = request.url.include_query_params(cursor=next_cursor)
        headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
    facts: dict[str, Any] = {
        "publication_id": publication.publication_id,
        "published_at": publication.published_at,
        **content.facts,
    }
    if not content.is_one:
        facts["next_cursor"] = next_cursor
    body = chosen.write(content.rows, facts, content.is_one)
    return Response(body, media_type=chosen.media_type, headers=headers)


def _list_identity(request: Request) -> str:
    """Identify the list of a request: its path and its filters, without the page."""
    filters = sorted(item for item in request.query_params.multi_items() if item[0] not in _PAGE_PARAMETERS)
    return repr((request.url.path, filters))


def _is_current(if_none_match: str | None, etag: str) -> bool:
    """Return whether the client already has this answer (RFC 9110, 13.1.2)."""
    known_etags = [part.strip().removeprefix("W/") for part in (if_none_match or "").split(",")]
    return "*" in known_etags or etag in known_etags
