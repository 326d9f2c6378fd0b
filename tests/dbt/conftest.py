"""The project, parsed once a session, and homes to build it in."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from orchestration.lib.contract.entity import entities_of
from orchestration.lib.ingest.load import crawl_and_load
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources import ENTITIES, open_warehouse
from synthetic import balance, bloodtest, ecg, practice, wearable
from tests.support import balance_files, bloodtest_files, wearable_files
from tests.support.dbt_home import DbtHome, DbtRun
from tests.support.ecg_files import ingest
from tests.support.shared_fixtures import SESSION

# How the build of the sample went, for the workers that copy it.
OUTCOME = "outcome.json"


@pytest.fixture(scope="session")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> DbtHome:
    """A home in which the project was parsed, with every warning an error."""
    home = DbtHome(tmp_path_factory.mktemp("parsed"))
    run = home.dbt("--no-partial-parse", "--warn-error", "--show-all-deprecations", "parse")
    assert run.success, run.exception
    return home


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home = DbtHome(tmp_path_factory.mktemp("manifest"))
    run = home.dbt("parse")
    assert run.success, run.exception
    return home.manifest


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> DbtHome:
    """A home in which the project was built before anything came."""

    def make(path: Path) -> None:
        assert DbtHome(path).prepare().dbt("build", "--exclude-resource-type", "unit_test").success

    home = DbtHome(tmp_path_factory.mktemp("empty"))
    shutil.copytree(SESSION.made("empty", make), home.path, dirs_exist_ok=True)
    return home


@pytest.fixture
def home(tmp_path: Path) -> DbtHome:
    """A home with an empty warehouse."""
    return DbtHome(tmp_path).prepare()


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[DbtHome, DbtRun]:
    """A home that holds the seeded sample deliveries and nothing else, and how its build went."""
    home = DbtHome(tmp_path_factory.mktemp("sample"))
    shutil.copytree(SESSION.made("sample", make_sample), home.path, dirs_exist_ok=True)
    outcome = json.loads((home.path / OUTCOME).read_text())
    return home, DbtRun(outcome["success"], outcome["statuses"], None)


def make_sample(path: Path) -> None:
    home = DbtHome(path).prepare()
    lake, warehouse = Lake(home.path / "lake"), open_warehouse(home.warehouse_path)
    ecg.write_deliveries(lake.root / "incoming")
    ingest(lake, warehouse)
    bloodtest.write_deliveries(lake.root / "incoming")
    bloodtest_files.load(lake, warehouse)
    practice.write_deliveries(lake.root / "incoming")
    for entity in entities_of(ENTITIES, "practice"):
        crawl_and_load(entity, ENTITIES, lake, warehouse)
    balance.write_deliveries(lake.root / "incoming")
    balance_files.load(lake, warehouse)
    wearable.write_deliveries(lake.root / "incoming")
    wearable_files.ingest(lake, warehouse)
    run = home.dbt("build", "--vars", "{check_sample_counts: true}")
    (path / OUTCOME).write_text(json.dumps({"success": run.success, "statuses": dict(run.statuses)}))
