"""A clinic, its lake and an empty warehouse for each test; how many examples property tests try."""

import os
from pathlib import Path

import pytest

from orchestration.lib.lake.files import Lake
from orchestration.lib.sources import open_warehouse
from orchestration.lib.warehouse.connection import Warehouse
from tests.support.ecg_files import Clinic
from tests.support.hypothesis_profile import choose_examples
from tests.support.shared_fixtures import SESSION

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
    return open_warehouse(tmp_path / "warehouse.duckdb", lock_timeout_seconds=10)
