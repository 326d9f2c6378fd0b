"""Serve the notebooks as apps: every marimo file of a folder, under its name."""

from __future__ import annotations

import threading
from importlib.util import find_spec
from pathlib import Path

from anyio import to_thread
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from notebooks import read_notebooks

# Where `Assets` is mounted.
ASSETS = "/static/marimo"
# A browser that opens an app gets a session of its own. It ends this long after its page is closed.
_SESSION_SECONDS = 120


def package_folder(name: str) -> Path:
    """Find the folder of an installed package, without importing it (marimo takes 1.1 s of processor time)."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(name)
    return Path(spec.origin).parent


class Assets(StaticFiles):
    """marimo's scripts, styles and fonts, once for all apps: a page has three hundred, and a browser keeps them."""

    def __init__(self) -> None:
        super().__init__(directory=package_folder("marimo") / "_static")

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer with a file; the browser may keep those whose names change with their content."""
        response = await super().get_response(path, scope)
        if path.startswith("assets/"):
            response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
        return response


class NotebookApps:
    """An ASGI app that serves each notebook of a folder under its name; its code is shown, but cannot be changed.

    marimo and Altair take 1.6 s of processor time to import. They are loaded with the first app that is opened, or
    before it in the background, so that the server's first page need not wait for them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._loading: threading.Thread | None = None
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer from an app; the first request waits until the apps are loaded."""
        app = await to_thread.run_sync(self._load) if self._app is None else self._app
        await app(scope, receive, send)

    def load_in_background(self) -> None:
        """Begin to load the apps, unless that has begun."""
        if self._loading is None:
            self._loading = threading.Thread(target=self._load, name="load apps", daemon=True)
            self._loading.start()

    async def close(self) -> None:
        """End the session of every open app: its thread, which waits for clicks, would keep the process from ending.

        (marimo ends them itself only where it is the server; it is pinned in constraints.txt, and a test ends an open
        app.)
        """
        for route in getattr(self._app, "routes", ()):
            if isinstance(route, Mount) and isinstance(route.app, Starlette):
                await route.app.state.session_manager.shutdown()

    def _load(self) -> ASGIApp:
        with self._lock:
            if self._app is None:
                self._app = _create(self._folder)
            return self._app


def _create(folder: Path) -> ASGIApp:
    # Every app draws with Altair: imported here, so that the first visitor need not wait for it.
    import altair  # noqa: F401
    import marimo

    builder = marimo.create_asgi_app(quiet=True, include_code=True, session_ttl=_SESSION_SECONDS, asset_url=ASSETS)
    for notebook in read_notebooks(folder):
        builder = builder.with_app(path=f"/{notebook.name}", root=str(folder / f"{notebook.name}.py"))
    return builder.build()
