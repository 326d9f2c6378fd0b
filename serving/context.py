"""Hold the sources of data that the routes of the server read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import prometheus_client as prometheus
from fastapi import Request

from notebooks import Notebook
from orchestration.lib.lake.files import Lake
from orchestration.lib.query.publications import Publications
from serving.notebook_apps import NotebookApps

# The longest that a query may take: a hundred times what the slowest allowed one takes, 10,000 rows of 200,000 files
# (0.1 s on one core).
QUERY_SECONDS = 10.0


@dataclass(frozen=True)
class ServerContext:
    """The sources of data that the routes read, and the notebooks that are served as apps."""

    publications: Publications
    lake: Lake
    checks_path: Path
    apps: NotebookApps
    notebooks: Sequence[Notebook]
    registry: prometheus.CollectorRegistry = field(default_factory=prometheus.CollectorRegistry)
    query_seconds: float = QUERY_SECONDS


def context_of(request: Request) -> ServerContext:
    """Return the context of the server that got this request."""
    context: ServerContext = request.app.state.context
    return context
