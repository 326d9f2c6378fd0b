"""What Dagster knows: the graph under review, runs that leave what the UI shows, and the sensor."""

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from orchestration.lib.core.home import REPOSITORY
from orchestration.lib.core.lock import hold_lock
from orchestration.lib.lake.delivery import SETTLE_SECONDS
from orchestration.lib.lake.files import Lake
from orchestration.lib.query.sql import run_query
from orchestration.lib.sources import open_warehouse
from synthetic.ecg import write_deliveries
from tests.pipeline.conftest import Built

GRAPH = Path(__file__).with_name("asset_graph.json")
RAW_HEADER = dg.AssetKey(["raw", "ecg_run_header"])
RUN = dg.AssetKey(["ecg", "run"])


def described(definitions: dg.Definitions) -> dict[str, Any]:
    graph = definitions.resolve_asset_graph()
    return {
        key.to_user_string(): {
            "group": node.group_name,
            "deps": sorted(parent.to_user_string() for parent in node.parent_keys),
            "checks": sorted(check.name for check in node.check_keys),
            "partitions": node.partitions_def.name if node.partitions_def else None,
            "is_executable": node.is_executable,
        }
        for key in sorted(graph.get_all_asset_keys())
        for node in [graph.get(key)]
    }


def test_the_asset_graph_is_the_reviewed_one(built: Built) -> None:
    """After a change that is meant: `UPDATE_SNAPSHOTS=1 pytest tests/pipeline/test_dagster.py`, and read the diff."""
    found = described(built.definitions)
    if os.environ.get("UPDATE_SNAPSHOTS"):
        GRAPH.write_text(json.dumps(found, indent=2) + "\n")
    assert found == json.loads(GRAPH.read_text())


def test_every_asset_says_what_it_is(built: Built) -> None:
    graph = built.definitions.resolve_asset_graph()
    silent = [key.to_user_string() for key in graph.get_all_asset_keys() if not graph.get(key).description]
    assert silent == []


def test_the_entry_point_stays_thin() -> None:
    assert len((REPOSITORY / "orchestration/definitions.py").read_text().splitlines()) < 50


@pytest.fixture(scope="session")
def instance(built: Built) -> dg.DagsterInstance:
    return dg.DagsterInstance.from_config(str(built.home.dagster_home))


def latest(instance: dg.DagsterInstance, key: dg.AssetKey) -> dg.AssetMaterialization:
    event = instance.get_latest_materialization_event(key)
    assert event is not None
    assert event.asset_materialization is not None
    return event.asset_materialization


def test_a_build_in_the_terminal_shows_in_the_ui(built: Built, instance: dg.DagsterInstance) -> None:
    for job in ("load_ecg", "marts"):
        (run,) = instance.get_runs(dg.RunsFilter(job_name=job))
        assert run.status == dg.DagsterRunStatus.SUCCESS


def test_each_delivery_is_a_materialized_partition(built: Built, instance: dg.DagsterInstance) -> None:
    deliveries = {delivery.key for delivery in Lake(built.home.lake_path).deliveries("ecg")}
    assert set(instance.get_dynamic_partitions("ecg_deliveries")) == deliveries
    assert instance.get_materialized_partitions(RAW_HEADER) == deliveries


def test_a_raw_asset_shows_rows_refused_rows_files_and_seconds(built: Built, instance: dg.DagsterInstance) -> None:
    metadata = latest(instance, RAW_HEADER).metadata
    assert metadata["rows"].value == metadata["dagster/row_count"].value > 0
    assert metadata["rejected rows"].value == 0
    assert metadata["files"].value > 0
    assert "seconds" in metadata


def test_a_model_shows_its_rows(built: Built, instance: dg.DagsterInstance) -> None:
    count = latest(instance, RUN).metadata["dagster/row_count"].value
    assert run_query(built.home, "select count(*) from ecg.run").rows == [(count,)]


def test_dbt_tests_show_as_checks_those_of_raw_tables_too(built: Built, instance: dg.DagsterInstance) -> None:
    graph = built.definitions.resolve_asset_graph()
    for key in (RUN, RAW_HEADER):
        checks = graph.get(key).check_keys
        assert checks
        for check in checks:
            (record,) = instance.event_log_storage.get_asset_check_execution_history(check, limit=1)
            assert record.status.value == "SUCCEEDED"


@pytest.mark.slow
def test_materializing_a_delivery_again_loads_nothing_again(fresh: Built) -> None:
    write_deliveries(fresh.home.lake_path / "incoming", scale=0.04)
    assert fresh.build(measurement="ecg").is_good
    with dg.DagsterInstance.from_config(str(fresh.home.dagster_home)) as instance:
        job = fresh.definitions.resolve_job_def("ecg")
        done = job.execute_in_process(
            instance=instance, partition_key="sf_state/2020-01-01", asset_selection=[RAW_HEADER]
        )
        assert done.success
        assert latest(instance, RAW_HEADER).metadata["files"].value == 0
    reloaded = fresh.build(
        measurement="ecg", deliveries=("sf_state/2020-01-01",), reload=True, recompute=True, full_refresh=True
    )
    assert reloaded.is_good
    assert reloaded.row_counts["ecg.run"] == reloaded.previous_row_counts["ecg.run"]
    assert reloaded.row_counts["catalog.load"] > reloaded.previous_row_counts["catalog.load"]


def test_publishing_alone_leaves_out_a_source_whose_test_failed(built: Built, fresh: Built) -> None:
    """As when somebody materializes the last asset in the UI after a build that failed."""
    shutil.copytree(built.home.path, fresh.home.path, dirs_exist_ok=True)
    results = json.loads(fresh.home.checks_path.read_text())
    with open_warehouse(fresh.home.warehouse_path).write() as con:
        con.execute("update ecg.run set subject_key = 'not as published'")
    with dg.DagsterInstance.from_config(str(fresh.home.dagster_home)) as instance:

        def publish(**statuses: str) -> Any:
            rows = [row | {"status": statuses.get(row["name"], row["status"])} for row in results]
            fresh.home.checks_path.write_text(json.dumps(rows))
            job = fresh.definitions.resolve_implicit_global_asset_job_def()
            return job.execute_in_process(
                instance=instance, asset_selection=[dg.AssetKey("published")], raise_on_error=False
            )

        def published_alike() -> bool:
            (count,) = run_query(
                fresh.home, "select count(*) from ecg.run where subject_key = 'not as published'"
            ).rows[0]
            return bool(count == 0)

        assert publish(unique_run_run_key="fail").success
        assert latest(instance, dg.AssetKey("published")).metadata["left as published"].value == "ecg"
        assert published_alike()
        refused = publish(source_unique_catalog_load_load_id="error")
        assert not refused.success
        assert "source_unique_catalog_load_load_id failed when last run" in str(
            [event.message for event in refused.all_events]
            + [str(event.event_specific_data) for event in refused.all_events]
        )
        assert published_alike()
        assert publish().success
        assert not published_alike()


# All sources at once are models of five sources on no row: the fixture `empty` of tests/dbt builds them too.
@pytest.mark.parametrize("measurement", ["ecg", pytest.param(None, id="all", marks=pytest.mark.slow)])
def test_an_empty_lake_builds_whole(fresh: Built, measurement: str | None) -> None:
    report = fresh.build(measurement=measurement)
    assert report.is_good, report.failures
    assert report.row_counts["ecg.run"] == report.row_counts["ecg.subject"] == 0


def tick(made: Built, instance: dg.DagsterInstance, cursor: str | None) -> Any:
    definitions = made.definitions
    return definitions.resolve_sensor_def("new_deliveries").evaluate_tick(
        dg.build_sensor_context(
            instance=instance,
            cursor=cursor,
            definitions=definitions,
            resources={"home": made.home, "lake": Lake(made.home.lake_path)},
        )
    )


def age(folder: Path, seconds: float) -> None:
    """Let everything below look as if it had not changed for some time."""
    then = time.time() - seconds
    for path in [folder, *folder.rglob("*")]:
        os.utime(path, (then, then))


def test_the_sensor_claims_what_lies_in_latest_and_asks_for_one_run(fresh: Built, tmp_path: Path) -> None:
    write_deliveries(tmp_path, scale=0.04)
    latest_folder = fresh.home.lake_path / "incoming/clinic=town/measurement=ecg/latest"
    shutil.copytree(tmp_path / "clinic=sf_state/measurement=ecg/2020-01-01", latest_folder)
    with dg.DagsterInstance.from_config(str(fresh.home.dagster_home)) as instance:
        age(latest_folder, 0)
        assert tick(fresh, instance, None).run_requests == []
        age(latest_folder, SETTLE_SECONDS + 1)
        first = tick(fresh, instance, None)
        (claimed,) = Lake(fresh.home.lake_path).deliveries("ecg")
        assert list(latest_folder.iterdir()) == []
        assert instance.get_dynamic_partitions("ecg_deliveries") == [claimed.key]
        # The folder that the claim made is as young as the claim.
        age(fresh.home.lake_path / claimed.path, SETTLE_SECONDS + 1)
        second = tick(fresh, instance, first.cursor)
        (request,) = second.run_requests
        assert request.job_name == "ecg"
        assert {request.tags[f"dagster/asset_partition_range_{end}"] for end in ("start", "end")} == {claimed.key}
        assert tick(fresh, instance, second.cursor).run_requests == []


def test_the_sensor_lets_a_build_have_its_turn(fresh: Built) -> None:
    with (
        dg.DagsterInstance.from_config(str(fresh.home.dagster_home)) as instance,
        hold_lock(fresh.home.build_lock_path),
    ):
        assert "a build is under way" in tick(fresh, instance, None).skip_message


def test_nothing_is_sent_home(built: Built, instance: dg.DagsterInstance) -> None:
    assert instance.get_settings("telemetry") == {"enabled": False}


def test_one_step_at_a_time_holds_the_warehouse(built: Built, instance: dg.DagsterInstance) -> None:
    assert [(pool.name, pool.limit) for pool in instance.event_log_storage.get_pool_limits()] == [("warehouse", 1)]
    graph = built.definitions.resolve_asset_graph()
    assert {pool for key in graph.executable_asset_keys for pool in graph.get(key).pools} == {"warehouse"}
