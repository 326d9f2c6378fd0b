"""Answer requests about the delivered files of all sources."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from orchestration.lib.query.pagination import DEFAULT_ROWS, Listing
from serving import openapi
from serving.answers import answer_list
from serving.parameters import Clinic, CursorText, Limit, Text

FILES = Listing(
    "catalog.file",
    ("raw_path",),
    {"clinic": "clinic = $clinic", "measurement": "measurement = $measurement", "status": "status = $status"},
)
router = APIRouter(prefix="/api/catalog", tags=["catalog"])


@router.get("/files", summary="Delivered files with their status", responses=openapi.rows("catalog.file"))
def files(
    request: Request,
    clinic: Clinic = None,
    measurement: Annotated[Text | None, Query(description="Only files of this source, such as `ecg`.")] = None,
    status: Annotated[Text | None, Query(description="Only files with this status, such as `rejected`.")] = None,
    limit: Limit = DEFAULT_ROWS,
    cursor: CursorText = None,
) -> Response:
    """List every file that was ever delivered, with its status."""
    return answer_list(request, FILES, limit, cursor, clinic=clinic, measurement=measurement, status=status)
