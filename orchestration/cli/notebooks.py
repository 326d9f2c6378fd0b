"""Open a notebook's editor in the browser."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from notebooks import FOLDER, read_notebooks
from orchestration.lib.core.errors import UsageError
from orchestration.lib.core.home import ENVIRONMENT_VARIABLE, REPOSITORY, Home


def edit(home: Home, name: str) -> int:
    """Open a notebook in the browser, on this machine only, until Ctrl-C; return the editor's exit code.

    Raises
    ------
    UsageError
        If there is no such notebook.
    """
    known = [notebook.name for notebook in read_notebooks()]
    if name not in known:
        raise UsageError(f"there is no notebook {name}: choose from {', '.join(known)}")
    path = str(FOLDER / f"{name}.py")
    command = [sys.executable, "-m", "marimo", "edit", "--host", "127.0.0.1", "--skip-update-check", path]
    return subprocess.run(command, cwd=REPOSITORY, env=_environment(home), check=False).returncode


def _environment(home: Home) -> dict[str, str]:
    """Keep the editor's cache, which holds what the cells showed, in the home, like all health data."""
    cache: Path = home.path / "notebooks"
    return {**os.environ, ENVIRONMENT_VARIABLE: str(home.path), "PYTHONPYCACHEPREFIX": str(cache)}
