"""A clinic, its lake and an empty warehouse for each test; how many examples property tests try."""

import os
from pathlib import Path

import pytest

from orchestration.lib.lake import Lake
from orchestration.lib.warehouse import Warehouse
from tests.ecg_files import Clinic
from tests.examples import choose_examples
from tests.session import SESSION

choose_examples()


@pytest.fixture(scope="session", autouse=True)
def session(tmp_path_factory: pytest.TempPathFactory) -> None:
    """All workers have one folder for what they share."""
    folder = tmp_path_factory.getbasetemp()
    SESSION.folder = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "shared"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def clinic(lake: Lake) -> Clinic:
    return Clinic(lake)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "warehouse.duckdb", lock_timeout_seconds=10)
