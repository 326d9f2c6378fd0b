"""Answer requests about the revenue of doctor's offices."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from orchestration.lib.query.pagination import DEFAULT_ROWS, Listing
from serving import openapi
from serving.answers import answer_list
from serving.parameters import Clinic, CursorText, Limit, Text, Time

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
router = APIRouter(prefix="/api", tags=["practice"])


@router.get("/revenue", summary="Revenue of doctor's offices", responses=openapi.rows("practice.revenue_10min"))
def revenue(
    request: Request,
    clinic: Clinic = None,
    category: Annotated[Text | None, Query(description="Only this category.")] = None,
    start: Annotated[Time | None, Query(description="Windows from this time on, UTC unless it has a zone.")] = None,
    end: Annotated[Time | None, Query(description="Windows that begin before this time.")] = None,
    limit: Limit = DEFAULT_ROWS,
    cursor: CursorText = None,
) -> Response:
    """List the revenue of doctor's offices by category and ten minutes."""
    return answer_list(request, REVENUE, limit, cursor, clinic=clinic, category=category, start=start, end=end)
