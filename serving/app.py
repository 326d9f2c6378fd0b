"""The app: index, apps, API, its description and the figures, behind the guard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path

import prometheus_client as prometheus
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from notebooks import FOLDER as NOTEBOOKS
from notebooks import descriptions
from orchestration.lib.core.errors import NotThere, UsageError, VitalhouseError
from orchestration.lib.core.home import Home
from orchestration.lib.lake.files import Lake
from orchestration.lib.modelling import test_results
from orchestration.lib.query.publications import Publication, PublicationGone, Publications, TooSlow
from orchestration.lib.query.published import NothingPublished
from serving import api, content_negotiation, notebook_apps, pages
from serving.auth import AuthMiddleware
from serving.metrics import Data, MetricsMiddleware

# The first that fits an error counts.
_STATUS = {NothingPublished: 503, PublicationGone: 410, NotThere: 404, TooSlow: 422, UsageError: 422}
_SWAGGER = "/static/docs"
# The schema whose marts an app shows, where it has another name.
_SCHEMAS = {"lake": "catalog", "recording": "ecg", "identification": "ecg"}


def create_app(
    home: Home,
    token: str | None = None,
    notebooks: Path = NOTEBOOKS,
    query_seconds: float = api.QUERY_SECONDS,
) -> ASGIApp:
    """Everything that `vitalhouse serve` serves, on what this home publishes; with a token, to who has it."""
    publications = Publications(home.published_path)
    found, mounted = descriptions(notebooks), notebook_apps.mount(notebooks)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await notebook_apps.close(mounted)
        publications.close()

    # FastAPI's own pages load their scripts from elsewhere; a clinic's network may be closed.
    app = FastAPI(
        title="Vitalhouse",
        description=_DESCRIPTION,
        version=api.VERSION,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.door = api.ApiContext(publications, Lake(home.lake_path), query_seconds)
    app.include_router(api.router)
    _handle_errors(app)

    registry = prometheus.CollectorRegistry()
    registry.register(Data(publications, home.checks_path))

    @app.get("/", include_in_schema=False)
    def index() -> Response:
        bad = sum(check.is_bad for check in test_results.read(home.checks_path))
        try:
            with publications.latest() as publication:
                shown = [_freshness(publication, *each) for each in found.items()]
                return HTMLResponse(pages.index(shown, publication.published_at, None, bad))
        except NothingPublished as problem:
            shown = [pages.App(*each) for each in found.items()]
            return HTMLResponse(pages.index(shown, None, str(problem), bad))

    @app.get("/health", include_in_schema=False)
    def health() -> Response:
        """200 if there is something to answer from."""
        with publications.latest() as publication:
            state = {"status": "ok", "publication_id": publication.publication_id}
            return Response(
                content_negotiation.dump({**state, "published_at": publication.published_at}),
                media_type="application/json",
            )

    @app.get("/metrics", include_in_schema=False)
    def metrics() -> Response:
        return Response(prometheus.generate_latest(registry), media_type=prometheus.CONTENT_TYPE_LATEST)

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title="Vitalhouse: API",
            swagger_js_url=f"{_SWAGGER}/swagger-ui-bundle.js",
            swagger_css_url=f"{_SWAGGER}/swagger-ui.css",
            swagger_favicon_url="data:,",
            # The page shows what it gets; it sends no address to a validator elsewhere.
            swagger_ui_parameters={"validatorUrl": None},
        )

    app.mount(_SWAGGER, StaticFiles(directory=str(resources.files("fastapi_offline") / "static")))
    app.mount(notebook_apps.ASSETS, notebook_apps.Assets())
    app.mount("/apps", mounted)
    return AuthMiddleware(MetricsMiddleware(app, registry), token)


_DESCRIPTION = """
Everything here reads `published.duckdb`, which holds no personal data. An answer is of one publication, whatever is
built meanwhile: `publication_id` says of which.

* **Formats**: JSON, or by `Accept` CSV (`text/csv`) or Arrow (`application/vnd.apache.arrow.stream`).
* **Pages**: lists have `limit` and `cursor`. `next_cursor`, also in the header `Link`, leads on in the publication in
  which the list was begun. It is kept for ten minutes after it was replaced; then the answer is 410: begin again.
* **Unchanged**: send the `ETag` as `If-None-Match`, and what still holds costs a 304.
* **Token**: where the server has one, `Authorization: Bearer TOKEN`.
"""


def _freshness(publication: Publication, name: str, description: str) -> pages.App:
    schema = _SCHEMAS.get(name, name)
    rows = sum(count for relation, count in publication.row_counts.items() if relation.split(".")[0] == schema)
    with publication.query_session(api.QUERY_SECONDS) as con:
        loaded = con.execute(
            "select max(finished_at) from catalog.load where measurement = $schema or $schema = 'catalog'",
            {"schema": schema},
        ).fetchone()
    return pages.App(name, description, rows, loaded[0] if loaded else None)


def _handle_errors(app: FastAPI) -> None:
    """Whatever goes wrong is a sentence."""

    @app.exception_handler(VitalhouseError)
    def ours(_: Request, error: VitalhouseError) -> Response:
        status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 500)
        return JSONResponse({"detail": str(error)}, status)

    @app.exception_handler(content_negotiation.NotAcceptable)
    def not_acceptable(_: Request, error: content_negotiation.NotAcceptable) -> Response:
        known = ", ".join(form.media_type for form in content_negotiation.FORMATS)
        return JSONResponse({"detail": f"Accept allows none of {known}"}, 406)

    @app.exception_handler(RequestValidationError)
    def invalid(_: Request, error: RequestValidationError) -> Response:
        said = [f"{each['loc'][-1]}: {each['msg'].removeprefix('Value error, ')}" for each in error.errors()]
        return JSONResponse({"detail": "; ".join(said)}, 422)

    @app.exception_handler(HTTPException)
    def http(_: Request, error: HTTPException) -> Response:
        sentences = {404: "there is nothing here: / has the apps and /docs the API", 405: "this can only be read (GET)"}
        return JSONResponse(
            {"detail": sentences.get(error.status_code, error.detail)}, error.status_code, error.headers
        )

    @app.exception_handler(Exception)
    def unexpected(_: Request, error: Exception) -> Response:
        return JSONResponse({"detail": "something went wrong here; the server's terminal says what"}, 500)
