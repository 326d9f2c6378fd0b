"""At one o'clock: a run of what the watches' providers wrote, claimed where it lies in `latest/`, or none."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from orchestration.lib.core.lock import hold_lock
from orchestration.lib.lake.delivery import SETTLE_SECONDS
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources import open_warehouse
from tests.pipeline.conftest import Built
from tests.pipeline.test_dagster import age
from tests.support.wearable_files import ingest, put, roster_file

DELIVERY = "watch_study/2024-10-25"
START = "dagster/asset_partition_range_start"


@pytest.fixture
def instance(fresh: Built) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.from_config(str(fresh.home.dagster_home)) as instance:
        yield instance


def evaluate(made: Built, instance: dg.DagsterInstance) -> Any:
    schedule = made.definitions.resolve_schedule_def("wearable_every_night")
    context = dg.build_schedule_context(
        instance=instance, resources={"home": made.home, "lake": Lake(made.home.lake_path)}
    )
    return schedule.evaluate_tick(context)


def test_it_runs_from_the_start_at_one_o_clock(fresh: Built) -> None:
    schedule = fresh.definitions.resolve_schedule_def("wearable_every_night")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 1 * * *", "UTC")
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert schedule.job_name == "wearable"


def test_what_is_new_is_asked_for_and_nothing_else(fresh: Built, instance: dg.DagsterInstance) -> None:
    lake = Lake(fresh.home.lake_path)
    assert evaluate(fresh, instance).skip_message == "there are no new deliveries"
    put(lake, "2024-10-25", "roster.csv", roster_file("p1"))
    age(fresh.home.lake_path, SETTLE_SECONDS + 1)
    (request,) = evaluate(fresh, instance).run_requests
    assert request.tags[START] == DELIVERY
    ingest(lake, open_warehouse(fresh.home.warehouse_path))
    assert evaluate(fresh, instance).skip_message == "there are no new deliveries"


def test_what_lies_in_latest_is_claimed_unless_a_build_claims_it(fresh: Built, instance: dg.DagsterInstance) -> None:
    lake = Lake(fresh.home.lake_path)
    put(lake, "latest", "roster.csv", roster_file("p1"))
    age(fresh.home.lake_path, SETTLE_SECONDS + 1)
    with hold_lock(fresh.home.build_lock_path):
        assert evaluate(fresh, instance).skip_message == "there are no new deliveries"
    evaluate(fresh, instance)
    (delivery,) = lake.deliveries("wearable")
    assert delivery.name != "latest"
