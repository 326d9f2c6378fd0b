"""Define the parameters that several routes of the API share, with their limits and descriptions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Query
from pydantic import AfterValidator

from orchestration.lib.query.pagination import MAX_ROWS

# Longer than any key or name. A cursor holds a key or two.
MAX_TEXT_LENGTH = 500
_MAX_CURSOR_LENGTH = 4000


def _utc(at: datetime) -> datetime:
    """Convert a time to UTC without a zone, as the published file has it."""
    try:
        return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
    except OverflowError:
        raise ValueError("the time lies outside the calendar") from None


Text = Annotated[str, Query(max_length=MAX_TEXT_LENGTH)]
Time = Annotated[datetime, AfterValidator(_utc)]
Limit = Annotated[int, Query(ge=1, le=MAX_ROWS, description="The most rows of a page.")]
Points = Annotated[int, Query(ge=3, le=MAX_ROWS, description="The most points of an answer.")]
CursorText = Annotated[
    str | None,
    Query(max_length=_MAX_CURSOR_LENGTH, description="`next_cursor` of the page before; without it, the first page."),
]
Clinic = Annotated[Text | None, Query(description="Only rows of this clinic, office or study.")]
