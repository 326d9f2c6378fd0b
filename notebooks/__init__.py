"""Notebooks and apps on the published file; they share the modules that begin with an underscore."""

import ast
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Notebook:
    """A notebook by its file's name; ``source`` is the measurement that it shows, ``None`` if it shows all of them."""

    name: str
    description: str
    source: str | None = None


def read_notebooks(folder: Path = FOLDER) -> list[Notebook]:
    """Read the title and description of each notebook of a folder, without running it.

    The description is the first line of its docstring, the source the argument of its call of ``open_publication``.
    """
    return [_read(path) for path in sorted(folder.glob("[!_]*.py"))]


def _read(path: Path) -> Notebook:
    module = ast.parse(path.read_text())
    sources = [
        keyword.value.value
        for call in ast.walk(module)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "open_publication"
        for keyword in call.keywords
        if keyword.arg == "source" and isinstance(keyword.value, ast.Constant)
    ]
    description = (ast.get_docstring(module) or "").split("\n")[0]
    return Notebook(path.stem, description, str(sources[0]) if sources else None)
