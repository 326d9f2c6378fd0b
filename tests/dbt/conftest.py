"""The project, parsed once a session, and homes to build it in."""

from pathlib import Path
from typing import Any

import pytest

from orchestration.lib import loader, sources
from orchestration.lib.identity import enrol_runs
from orchestration.lib.lake import Lake
from orchestration.lib.warehouse import Warehouse
from synthetic import balance, bloodtest, ecg, practice, wearable
from tests import balance_files, bloodtest_files, wearable_files
from tests.dbt.project import DbtHome, DbtRun
from tests.ecg_files import ingest


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


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> DbtHome:
    """A home in which the project was built before anything came."""
    home = DbtHome(tmp_path_factory.mktemp("empty")).prepare()
    assert home.dbt("build").success
    return home


@pytest.fixture
def home(tmp_path: Path) -> DbtHome:
    """A home with an empty warehouse."""
    return DbtHome(tmp_path).prepare()


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[DbtHome, DbtRun]:
    """A home that holds the seeded sample deliveries and nothing else, and how its build went."""
    home = DbtHome(tmp_path_factory.mktemp("sample")).prepare()
    lake, warehouse = Lake(home.path / "lake"), Warehouse(home.warehouse_path)
    ecg.write_deliveries(lake.root / "incoming")
    ingest(lake, warehouse)
    enrol_runs(lake, warehouse)
    bloodtest.write_deliveries(lake.root / "incoming")
    bloodtest_files.load(lake, warehouse)
    practice.write_deliveries(lake.root / "incoming")
    for entity in sources.entities_of("practice"):
        loader.load(entity, lake, warehouse)
    balance.write_deliveries(lake.root / "incoming")
    balance_files.load(lake, warehouse)
    wearable.write_deliveries(lake.root / "incoming")
    wearable_files.ingest(lake, warehouse)
    return home, home.dbt("build", "--vars", "{check_sample_counts: true}")
