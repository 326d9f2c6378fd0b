"""A build with nothing new ends at once; whatever is new, or may be, starts one."""

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestration.lib.build import build as build_module
from orchestration.lib.build import state as state_module
from orchestration.lib.build.plan import Request
from orchestration.lib.build.state import SourceState, read_states, rules_hash, write_states
from orchestration.lib.catalog.crawl import crawl
from orchestration.lib.contract.entity import entities_of
from orchestration.lib.core.clock import utc_now
from orchestration.lib.core.home import REPOSITORY, Home
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources import ENTITIES, MEASUREMENTS, open_warehouse

CUSTOMER = {"email": "ada@example.org", "serialNumber": "1", "lastUpdateDate": 1_600_000_000_000}


class BuildStarted(Exception):
    """Dagster would be imported now."""


def start_build(home: Home) -> None:
    raise BuildStarted


def is_built(home: Home, **options: object) -> bool:
    """Whether a build finds something new."""
    try:
        report = build_module.build(Request(**options), home, start_build)  # type: ignore[arg-type]
    except BuildStarted:
        return True
    assert report.is_good
    assert not report.row_counts
    return False


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what the rules are read from, to change files in."""
    folder = tmp_path / "repository"
    for name in ("dbt_project/seeds/category.csv", "dbt_project/models/a.sql", "python_transforms/a.py"):
        path = folder / name
        path.parent.mkdir(parents=True)
        path.write_text("1")
    monkeypatch.setattr(state_module, "REPOSITORY", folder)
    return folder


@pytest.fixture
def home(tmp_path: Path, project: Path) -> Home:
    """A home whose last build was good."""
    home = Home(tmp_path / "home").ensure()
    finish_build(home)
    home.published_path.touch()
    return home


def finish_build(home: Home, started_at: datetime | None = None) -> None:
    """Crawl, load nothing, and leave behind what a good build of every source leaves."""
    with open_warehouse(home.warehouse_path).write() as con:
        for measurement in MEASUREMENTS:
            crawl(con, Lake(home.lake_path), entities_of(ENTITIES, measurement), settle_seconds=0)
        con.execute("update catalog.file set status = 'loaded'")
        rules, started_at = rules_hash(home), started_at or utc_now()
        write_states(home, {name: SourceState.of(con, home, name, rules, started_at) for name in MEASUREMENTS})


def put_customer(home: Home, delivery: str = "2020-01-01", **values: object) -> Path:
    """Write a delivery of one customer, as if it lay there for long."""
    path = home.lake_path / f"incoming/clinic=lab/measurement=balance/{delivery}/customer/customer.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(CUSTOMER | values))
    then = time.time() - 3600
    for changed in (path, *path.parents[:3]):
        os.utime(changed, (then, then))
    return path


def test_nothing_new_starts_no_build(home: Home) -> None:
    assert [is_built(home), is_built(home)] == [False, False]
    assert set(read_states(home)) == set(MEASUREMENTS)


def test_a_new_file_in_the_lake(home: Home) -> None:
    put_customer(home)
    assert is_built(home)


def test_a_new_file_of_another_source_is_nothing_new(home: Home) -> None:
    put_customer(home)
    assert not is_built(home, measurement="ecg")
    assert is_built(home, measurement="balance")


def test_a_file_that_is_gone(home: Home) -> None:
    path = put_customer(home)
    finish_build(home)
    assert not is_built(home)
    path.unlink()
    assert is_built(home)


def test_a_file_that_is_refused_without_being_loaded(home: Home) -> None:
    put_customer(home).rename(home.lake_path / "incoming/clinic=lab/measurement=balance/2020-01-01/stray.txt")
    assert is_built(home)


def test_rows_that_another_program_loaded(home: Home) -> None:
    with open_warehouse(home.warehouse_path).write() as con:
        con.execute("insert into catalog.load (load_id, measurement) values (1, 'practice')")
    assert not is_built(home, measurement="wearable")
    assert is_built(home)


@pytest.mark.parametrize(
    "name", ["dbt_project/seeds/category.csv", "dbt_project/models/a.sql", "python_transforms/a.py"]
)
def test_a_changed_file_of_the_project(home: Home, project: Path, name: str) -> None:
    (project / name).write_text("other")
    assert is_built(home)


def test_a_new_and_a_removed_file_of_the_project(home: Home, project: Path) -> None:
    (project / "dbt_project/models/b.sql").write_text("2")
    assert is_built(home)
    finish_build(home)
    assert not is_built(home)
    (project / "dbt_project/models/b.sql").unlink()
    assert is_built(home)


def test_what_tools_leave_in_the_project_is_nothing_new(home: Home, project: Path) -> None:
    (project / "dbt_project/target").mkdir()
    (project / "dbt_project/target/manifest.json").write_text("{}")
    assert not is_built(home)


def test_a_changed_setting(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITALHOUSE_PARTICIPANT_KEY", "another secret of the participants")
    assert is_built(home)


def test_a_changed_settings_file(home: Home) -> None:
    (home.path / "vitalhouse.toml").write_text("[retention]\n")
    assert is_built(home)


def test_a_changed_key(home: Home) -> None:
    home.participant_key_path.write_text("0" * 64)
    assert is_built(home)


def test_another_version(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_module, "version", lambda package: "9.9.9")
    assert is_built(home)


def test_a_build_that_did_not_end_well(home: Home) -> None:
    """A build that finds something new counts as unfinished until it has ended well; then the failure stands."""
    path = put_customer(home)
    assert is_built(home)
    path.unlink()
    assert is_built(home, measurement="balance")
    assert not is_built(home, measurement="ecg")


def test_a_published_file_that_is_gone(home: Home) -> None:
    home.published_path.unlink()
    assert is_built(home)


def test_a_state_that_cannot_be_read(home: Home) -> None:
    home.build_state_path.write_text('{"ecg": {"written by": "another version"}}')
    assert is_built(home)


@pytest.mark.parametrize("option", ["reload", "recompute", "full_refresh"])
def test_what_is_asked_for_is_done(home: Home, option: str) -> None:
    assert is_built(home, **{option: True})


@pytest.mark.parametrize("field", ["shareWithResearchAsOfDate", "lastUpdateDate"])
@pytest.mark.parametrize(("days", "expected"), [(-1, True), (1, False)])
def test_a_date_on_which_a_consent_begins_or_ends(home: Home, field: str, days: int, expected: bool) -> None:
    """The last build ended two days ago; the record is dated a day before, or a day after, today."""
    changes_at = datetime.now(UTC) + timedelta(days=days)
    values = {"shareWithResearchAsOfDate": None, "lastUpdateDate": 0, field: int(changes_at.timestamp() * 1000)}
    with open_warehouse(home.warehouse_path).write() as con:
        con.execute(
            'insert into raw.balance_customer ("shareWithResearchAsOfDate", "lastUpdateDate")'
            " values ($shareWithResearchAsOfDate, $lastUpdateDate)",
            values,
        )
    finish_build(home, utc_now() - timedelta(days=2))
    assert is_built(home) == expected


def test_dagster_and_dbt_are_not_imported_to_find_that_out() -> None:
    script = "import sys, orchestration.cli.commands, orchestration.lib.build.build; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, check=True, capture_output=True, text=True)
    assert not {"dagster", "dagster_dbt", "dbt"} & set(done.stdout.split())
