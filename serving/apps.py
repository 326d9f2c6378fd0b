"""The notebooks as apps: every marimo file of a folder, under its name."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

from starlette.types import ASGIApp

from orchestration.lib.home import REPOSITORY

NOTEBOOKS = REPOSITORY / "notebooks"


@dataclass(frozen=True)
class Notebook:
    """A notebook; ``description`` is the first line of its docstring."""

    name: str
    description: str
    path: Path


def find(folder: Path = NOTEBOOKS) -> list[Notebook]:
    """Every file of the folder that defines a marimo app, by name."""
    found = []
    for path in sorted(folder.glob("[!_.]*.py")):
        module = ast.parse(path.read_text())
        names = {
            target.id
            for node in module.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        if "app" in names:
            lines = (ast.get_docstring(module) or path.stem).splitlines()
            found.append(Notebook(path.stem, lines[0], path))
    return found


def mount(notebooks: list[Notebook]) -> ASGIApp:
    """One ASGI app that serves each notebook under its name, with its code to look at but not to change."""
    import marimo

    # Whoever opens an app has one of its own; it ends this many seconds after its page is closed.
    builder = marimo.create_asgi_app(quiet=True, include_code=True, session_ttl=120)
    for notebook in notebooks:
        builder = builder.with_app(path=f"/{notebook.name}", root=str(notebook.path))
    return builder.build()
