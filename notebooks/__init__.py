"""Notebooks and apps on the published file; the modules that begin with an underscore are what they share."""

import ast
from pathlib import Path

FOLDER = Path(__file__).parent


def descriptions(folder: Path = FOLDER) -> dict[str, str]:
    """Read the first line of each notebook's docstring, by the notebook's name."""
    paths = sorted(folder.glob("[!_]*.py"))
    return {path.stem: (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n")[0] for path in paths}
