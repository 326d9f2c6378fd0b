"""Read lists in pages: each begins after the last key of the page before, in the publication of the first page."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from orchestration.lib.core.errors import UsageError

# The most rows that an answer has: some megabytes of JSON.
MAX_ROWS = 10_000
DEFAULT_ROWS = 500


@dataclass(frozen=True)
class Listing:
    """A relation that is read page by page.

    ``key`` are the columns that tell its rows apart, in the order of the list. ``filters`` are SQL conditions by the
    name of their parameter.
    """

    relation: str
    key: tuple[str, ...]
    filters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Page:
    """Some rows; the next page begins after ``last_key``, which is ``None`` on the last one."""

    rows: pa.Table
    last_key: tuple[Any, ...] | None = None


@dataclass(frozen=True)
class Cursor:
    """The beginning of the next page: its publication, and the key that it follows."""

    publication_id: str
    last_key: tuple[Any, ...]


def encode_cursor(cursor: Cursor, question: str) -> str:
    """Write a cursor as text, for the list that ``question`` describes."""
    key = [{"at": part.isoformat()} if isinstance(part, datetime) else part for part in cursor.last_key]
    content = json.dumps([_digest(question), cursor.publication_id, key], separators=(",", ":"))
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def decode_cursor(text: str, question: str) -> Cursor:
    """Read the cursor from its text.

    Raises
    ------
    UsageError
        If it is no cursor, or one of another list.
    """
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        digest, publication_id, key = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        last_key = tuple(datetime.fromisoformat(part["at"]) if isinstance(part, dict) else part for part in key)
        # Keys are text, and times in UTC without a zone.
        is_known = all(isinstance(part, str) or (isinstance(part, datetime) and not part.tzinfo) for part in last_key)
        if not isinstance(publication_id, str) or not is_known:
            raise ValueError
    except (binascii.Error, ValueError, TypeError, KeyError, RecursionError):
        raise UsageError("this is no cursor: take it, whole, from the answer before") from None
    if digest != _digest(question):
        raise UsageError("this cursor is of another list: ask as for the page before it, or begin without it")
    return Cursor(publication_id, last_key)


def _digest(question: str) -> str:
    # Not a secret: only to tell a mistake from a page.
    return hashlib.sha256(question.encode()).hexdigest()[:12]


def read_page(
    con: duckdb.DuckDBPyConnection,
    listing: Listing,
    limit: int = DEFAULT_ROWS,
    last_key: Sequence[Any] | None = None,
    **filters: object,
) -> Page:
    """Read the rows after a key; filters that are ``None`` are ignored.

    Raises
    ------
    UsageError
        If the key is not one of this list.
    """
    parameters = {name: value for name, value in filters.items() if value is not None}
    conditions = [listing.filters[name] for name in parameters]
    key = ", ".join(listing.key)
    after = {f"after_{index}": value for index, value in enumerate(last_key or ())}
    if after:
        if len(after) != len(listing.key):
            raise UsageError("this cursor is of another list: begin without it")
        conditions.append(f"({key}) > ({', '.join(f'${name}' for name in after)})")
    where = f"where {' and '.join(conditions)}" if conditions else ""
    sql = f"select * from {listing.relation} {where} order by {key} limit $limit"
    try:
        rows = con.execute(sql, parameters | after | {"limit": limit + 1}).to_arrow_table()
    except (duckdb.ConversionException, duckdb.BinderException):
        # The cursor's key has a time where the list's has a text, or the other way round.
        if not after:
            raise
        raise UsageError("this cursor is of another list: begin without it") from None
    if len(rows) <= limit:
        return Page(rows)
    rows = rows.slice(0, limit)
    return Page(rows, tuple(rows.column(name)[-1].as_py() for name in listing.key))
