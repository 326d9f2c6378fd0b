"""The notebooks as apps: every marimo file of a folder, under its name."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

from notebooks import descriptions

# Where `Assets` is to be mounted.
ASSETS = "/static/marimo"


class Assets(StaticFiles):
    """marimo's scripts, styles and fonts, once for all apps: a page has three hundred, and a browser keeps them."""

    def __init__(self) -> None:
        super().__init__(directory=str(resources.files("marimo") / "_static"))

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        # Their names change with their content.
        if path.startswith("assets/"):
            response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
        return response


def mount(folder: Path) -> ASGIApp:
    """One ASGI app that serves each notebook of a folder under its name, with its code to look at but not to change."""
    # What every app draws with takes a second to import: here, so that the first visitor need not wait for it.
    import altair  # noqa: F401
    import marimo

    # Whoever opens an app has one of its own; it ends this many seconds after its page is closed.
    builder = marimo.create_asgi_app(quiet=True, include_code=True, session_ttl=120, asset_url=ASSETS)
    for name in descriptions(folder):
        builder = builder.with_app(path=f"/{name}", root=str(folder / f"{name}.py"))
    return builder.build()


async def close(mounted: ASGIApp) -> None:
    """End every app that somebody has open: what waits for its clicks would keep the process from ending.

    (marimo ends them itself only where it is the server; it is pinned in constraints.txt, and a test ends an open app.)
    """
    for route in getattr(mounted, "routes", ()):
        if isinstance(route, Mount) and isinstance(route.app, Starlette):
            await route.app.state.session_manager.shutdown()
