"""What is slow to import waits until it is needed: the server's first page, and a query in the terminal."""

import subprocess
import sys
from pathlib import Path

from orchestration.lib.core.home import ENVIRONMENT_VARIABLE, REPOSITORY
from tests.support.publications import publish

FIRST_PAGE = """
import sys
from pathlib import Path
from starlette.testclient import TestClient
from orchestration.lib.core.home import Home
from serving.app import create_app
from serving.notebook_apps import NotebookApps

# The apps are loaded behind the first page.
NotebookApps.load_in_background = lambda self: None
with TestClient(create_app(Home.from_environment()), base_url="http://127.0.0.1") as client:
    assert "/apps/wearable/" in client.get("/").text
    assert client.get("/api/subjects").status_code == 200
print(*sys.modules)
"""
QUERY = """
import sys
from orchestration.cli.commands import main

main(["sql", "select 1"], standalone_mode=False)
print(*sys.modules)
"""


def imported(script: str, home: Path) -> set[str]:
    """Run a script on a home; return the modules that it has imported."""
    publish(home / "published.duckdb", 3)
    environment = {ENVIRONMENT_VARIABLE: str(home), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-W", "ignore", "-c", script]
    run = subprocess.run(command, cwd=REPOSITORY, env=environment, check=True, capture_output=True, text=True)
    return set(run.stdout.splitlines()[-1].split())


def test_the_first_page_and_the_api_need_no_notebook_and_no_signal_processing(tmp_path: Path) -> None:
    assert not {"marimo", "altair", "scipy.signal", "dagster", "dbt", "matplotlib"} & imported(FIRST_PAGE, tmp_path)


def test_a_query_needs_duckdb_alone(tmp_path: Path) -> None:
    modules = imported(QUERY, tmp_path)
    assert "duckdb" in modules
    assert not {"numpy", "pandas", "pyarrow", "rich", "dagster", "dbt"} & modules
