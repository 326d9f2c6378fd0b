"""Create the server's ASGI app: index, apps, API, its description and metrics, protected by the token."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from notebooks import FOLDER as NOTEBOOKS
from notebooks import read_notebooks
from orchestration.lib.core.home import Home
from orchestration.lib.lake.files import Lake
from orchestration.lib.query.publications import Publications
from serving import answers, notebook_apps, site
from serving.auth import AuthMiddleware
from serving.context import QUERY_SECONDS, ServerContext
from serving.errors import handle_errors
from serving.metrics import DataCollector, MetricsMiddleware
from serving.routes import ROUTERS

_DESCRIPTION = """
Everything here reads `published.duckdb`, which holds no personal data. An answer is of one publication, whatever is
built meanwhile: `publication_id` names it.

* **Formats**: JSON, or by `Accept` CSV (`text/csv`) or Arrow (`application/vnd.apache.arrow.stream`).
* **Pages**: lists have `limit` and `cursor`. `next_cursor`, also in the header `Link`, gives the next page of the same
  publication. A replaced publication is kept for ten minutes; after that the answer is 410: begin the list again.
* **Unchanged**: send the `ETag` as `If-None-Match`. If the answer is still valid, you get a 304 without a query.
* **Token**: if the server has one, send `Authorization: Bearer TOKEN`.
"""


def create_app(
    home: Home, token: str | None = None, notebooks: Path = NOTEBOOKS, query_seconds: float = QUERY_SECONDS
) -> ASGIApp:
    """Create the server's ASGI app, which reads the published file of this home.

    Parameters
    ----------
    token
        If given, every request needs it.
    notebooks
        Folder of marimo notebooks, each of which is served as an app.
    query_seconds
        The longest that a query may take.
    """
    context = ServerContext(
        Publications(home.published_path),
        Lake(home.lake_path),
        home.checks_path,
        notebook_apps.NotebookApps(notebooks),
        read_notebooks(notebooks),
        query_seconds=query_seconds,
    )
    context.registry.register(DataCollector(context.publications, home.checks_path))
    app = FastAPI(
        title="Vitalhouse",
        description=_DESCRIPTION,
        version=answers.VERSION,
        docs_url=None,
        redoc_url=None,
        lifespan=_close_at_end,
    )
    app.state.context = context
    for router in (*ROUTERS, site.router):
        app.include_router(router)
    handle_errors(app)
    swagger = notebook_apps.package_folder("fastapi_offline") / "static"
    app.mount(site.SWAGGER, StaticFiles(directory=swagger))
    app.mount(notebook_apps.ASSETS, notebook_apps.Assets())
    app.mount("/apps", context.apps)
    return AuthMiddleware(MetricsMiddleware(app, context.registry), token)


@asynccontextmanager
async def _close_at_end(app: FastAPI) -> AsyncIterator[None]:
    yield
    context: ServerContext = app.state.context
    await context.apps.close()
    context.publications.close()
