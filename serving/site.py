"""Answer requests outside the API: the index, the API's page, the server's health and its metrics."""

from __future__ import annotations

import prometheus_client as prometheus
from fastapi import APIRouter, Request
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse, Response

from orchestration.lib.modelling import test_results
from orchestration.lib.query.publications import Publication
from orchestration.lib.query.published import NothingPublished
from orchestration.lib.sources import MEASUREMENTS
from serving import content_negotiation, pages
from serving.context import ServerContext, context_of

# Where the scripts of the API's page are mounted.
SWAGGER = "/static/docs"
router = APIRouter(include_in_schema=False)


@router.get("/")
def index(request: Request) -> HTMLResponse:
    """Show every app, with the rows that it shows and the last load of its source."""
    context = context_of(request)
    bad_check_count = sum(check.is_bad for check in test_results.read(context.checks_path))
    try:
        with context.publications.latest() as publication:
            page = pages.index(_apps(context, publication), publication.published_at, None, bad_check_count)
    except NothingPublished as problem:
        apps = [pages.App(notebook) for notebook in context.notebooks]
        page = pages.index(apps, None, str(problem), bad_check_count)
    if context.notebooks:
        # A reader of the index opens an app next.
        context.apps.load_in_background()
    return HTMLResponse(page)


@router.get("/health")
def health(request: Request) -> Response:
    """Answer 200 if there is a publication to read from."""
    with context_of(request).publications.latest() as publication:
        state = {
            "status": "ok",
            "publication_id": publication.publication_id,
            "published_at": publication.published_at,
        }
        return Response(content_negotiation.dump(state), media_type="application/json")


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """Show the metrics of the server and the data, for Prometheus."""
    body = prometheus.generate_latest(context_of(request).registry)
    return Response(body, media_type=prometheus.CONTENT_TYPE_LATEST)


@router.get("/docs")
def docs() -> HTMLResponse:
    """Show the API's description, to try out in the browser."""
    # FastAPI's own page loads its scripts from another host; a clinic's network may be closed.
    return get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="Vitalhouse: API",
        swagger_js_url=f"{SWAGGER}/swagger-ui-bundle.js",
        swagger_css_url=f"{SWAGGER}/swagger-ui.css",
        swagger_favicon_url="data:,",
        # Otherwise the page sends its address to a validator on another host.
        swagger_ui_parameters={"validatorUrl": None},
    )


def _apps(context: ServerContext, publication: Publication) -> list[pages.App]:
    """Describe each app, with the rows and the last load of its source."""
    with publication.query_session(context.query_seconds) as con:
        loads = con.execute("select measurement, max(finished_at) from catalog.load group by measurement").fetchall()
    loaded_at = dict(loads)
    apps = []
    for notebook in context.notebooks:
        sources = [notebook.source] if notebook.source else list(MEASUREMENTS)
        row_count = sum(
            count for relation, count in publication.row_counts.items() if relation.split(".")[0] in sources
        )
        times = [loaded_at[source] for source in sources if loaded_at.get(source)]
        apps.append(pages.App(notebook, row_count, max(times, default=None)))
    return apps
