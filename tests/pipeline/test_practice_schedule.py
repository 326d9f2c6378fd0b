"""Every ten minutes: a run where something came, none where nothing did, and none lost where a build is in the way."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import duckdb
import pytest

from orchestration.lib.core.lock import hold_lock
from orchestration.lib.lake.delivery import SETTLE_SECONDS
from orchestration.lib.lake.files import Lake
from synthetic import practice
from synthetic.files import write_file
from tests.pipeline.conftest import Built
from tests.pipeline.test_dagster import age, tick

BOTH = ("family_practice/2026-03-02", "family_practice/2026-03-03")
RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


@pytest.fixture
def instance(fresh: Built) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.from_config(str(fresh.home.dagster_home)) as instance:
        yield instance


@pytest.fixture
def office(fresh: Built) -> Built:
    """A home into whose lake an office has delivered on two days."""
    for name in BOTH:
        clinic, _, day = name.partition("/")
        path = fresh.home.lake_path / f"incoming/clinic={clinic}/measurement=practice/{day}/patient-{day}.csv"
        write_file(path, practice.patient_file(1, 3))
    return fresh


def evaluate(made: Built, instance: dg.DagsterInstance) -> dg.SkipReason | list[dg.RunRequest]:
    definitions = made.definitions
    schedule = definitions.resolve_schedule_def("practice_every_ten_minutes")
    context = dg.build_schedule_context(
        instance=instance, resources={"home": made.home, "lake": Lake(made.home.lake_path)}
    )
    found: Any = schedule.evaluate_tick(context)
    return dg.SkipReason(found.skip_message) if found.skip_message else list(found.run_requests)


def keys(requests: dg.SkipReason | list[dg.RunRequest]) -> list[tuple[str, str]]:
    assert isinstance(requests, list), requests
    return [(request.tags[RANGE[0]], request.tags[RANGE[1]]) for request in requests]


def test_it_runs_from_the_start_every_ten_minutes(fresh: Built) -> None:
    schedule = fresh.definitions.resolve_schedule_def("practice_every_ten_minutes")
    assert schedule.cron_schedule == "*/10 * * * *"
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert schedule.job_name == "practice"


def test_what_came_is_asked_for_also_while_more_comes(office: Built, instance: dg.DagsterInstance) -> None:
    age(office.home.lake_path, 0)
    assert keys(evaluate(office, instance)) == [BOTH]
    # The sensor leaves it to the schedule, settled or not.
    age(office.home.lake_path, SETTLE_SECONDS + 1)
    assert tick(office, instance, None).run_requests == []


def test_where_nothing_came_no_run_is_asked_for(fresh: Built, instance: dg.DagsterInstance) -> None:
    found = evaluate(fresh, instance)
    assert isinstance(found, dg.SkipReason)
    assert found.skip_message == "there are no new deliveries"


def test_while_a_build_holds_the_warehouse_the_latest_delivery_is_asked_for(
    office: Built, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run waits for its turn; this only says that there is one to be."""
    monkeypatch.setattr("orchestration.defs.schedules.LOOK_SECONDS", 0.0)
    duckdb.connect(str(office.home.warehouse_path)).close()
    # In one process DuckDB refuses a connection of another kind, as it refuses another process.
    with duckdb.connect(str(office.home.warehouse_path), read_only=True):
        assert keys(evaluate(office, instance)) == [(BOTH[1], BOTH[1])]


def test_a_build_under_way_does_not_keep_it_from_asking(office: Built, instance: dg.DagsterInstance) -> None:
    with hold_lock(office.home.build_lock_path):
        assert keys(evaluate(office, instance)) == [BOTH]


def test_a_run_that_has_not_begun_takes_what_has_come_since(office: Built, instance: dg.DagsterInstance) -> None:
    instance.create_run_for_job(office.definitions.resolve_job_def("practice"), status=dg.DagsterRunStatus.NOT_STARTED)
    found = evaluate(office, instance)
    assert isinstance(found, dg.SkipReason)
    assert "it will load the newer deliveries too" in str(found.skip_message)
