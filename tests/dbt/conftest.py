"""The project, parsed once a session, and homes to build it in."""

from pathlib import Path
from typing import Any

import pytest

from tests.dbt.project import DbtHome


@pytest.fixture(scope="session")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> DbtHome:
    """A home in which the project was parsed, with every warning an error."""
    home = DbtHome(tmp_path_factory.mktemp("parsed"))
    run = home.dbt("--warn-error", "--show-all-deprecations", "parse")
    assert run.success, run.exception
    return home


@pytest.fixture(scope="session")
def manifest(parsed: DbtHome) -> dict[str, Any]:
    return parsed.manifest


@pytest.fixture
def home(tmp_path: Path) -> DbtHome:
    """A home with an empty warehouse."""
    return DbtHome(tmp_path).prepare()
