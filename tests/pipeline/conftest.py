"""A home that was built once, for the tests that only look; parsing dbt and importing Dagster take seconds."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestration.lib.build.build import build
from orchestration.lib.build.plan import Report, Request
from orchestration.lib.core.home import ENVIRONMENT_VARIABLE, Home
from orchestration.lib.modelling.dbt_cli import ensure_manifest, run_folder
from synthetic.ecg import write_deliveries
from tests.support import dbt_parse_cache
from tests.support.shared_fixtures import SESSION

# Eight subjects are enough for every case of the generated deliveries; the least is three.
SCALE = 0.1


def restore_parse_cache(home: Home) -> None:
    """Spare this home's builds the parse of the dbt project: that of another home is none to dbt."""
    for folder in (home.dbt_target_path, run_folder(home)):
        dbt_parse_cache.restore_parse_cache(folder, home.warehouse_path)


def parse(path: Path) -> None:
    """Let a home have its manifest."""
    home = Home(path).ensure()
    restore_parse_cache(home)
    ensure_manifest(home)
    dbt_parse_cache.save_parse_cache(home.dbt_target_path)


class Built:
    """A home and what builds it, in this process."""

    def __init__(self, path: Path) -> None:
        self.home = Home(path).ensure()
        restore_parse_cache(self.home)

    @property
    def definitions(self) -> Any:
        from orchestration.definitions import definitions

        return definitions(self.home)

    def build(self, **request: Any) -> Report:
        return build(Request(**request), self.home, lambda home: self.definitions)


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home for what looks at the environment: importing the definitions parses dbt into it."""
    path = tmp_path_factory.mktemp("environment")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ENVIRONMENT_VARIABLE, str(path))
        shutil.copytree(SESSION.made("environment", parse), path, dirs_exist_ok=True)
        ensure_manifest(Home(path).ensure())
        yield path


@pytest.fixture
def fresh(environment: Path, tmp_path: Path) -> Built:
    """A home with nothing in it but what dbt remembers of its project."""
    shutil.copytree(environment / "dbt", tmp_path / "home/dbt")
    return Built(tmp_path / "home")


@pytest.fixture(scope="session")
def built(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A home with the two sample deliveries, built; for tests that change nothing in it."""

    def make(path: Path) -> None:
        shutil.copytree(environment / "dbt", path / "dbt")
        made = Built(path)
        write_deliveries(made.home.lake_path / "incoming", scale=SCALE)
        report = made.build()
        assert report.is_good, report.failures + report.rejected

    path = tmp_path_factory.mktemp("built")
    shutil.copytree(SESSION.made("built", make), path, dirs_exist_ok=True)
    return Built(path)
