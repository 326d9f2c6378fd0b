"""Three real days of a watch, as the Fitbit Web API gave them: a heart rate every second, and what else it measured."""

import gzip
import json
from typing import Any

import pytest

from orchestration.lib.core.home import REPOSITORY
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources import open_warehouse
from tests.support.dbt_home import DbtHome
from tests.support.wearable_files import ingest, put, roster_file

SAMPLE = REPOSITORY.parent / "shared" / "data" / "wearable"
DAYS = ("2024-01-01", "2024-01-02", "2024-01-03")

pytestmark = [
    pytest.mark.skipif(not SAMPLE.exists(), reason="the real days are not there (../shared/data/wearable)"),
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> DbtHome:
    home = DbtHome(tmp_path_factory.mktemp("real")).prepare()
    lake = Lake(home.path / "lake")
    put(lake, "2024-01-04", "roster.csv", roster_file("real,2024-01-01,,America/Los_Angeles,true"))
    for path in SAMPLE.glob("*.json.gz"):
        put(lake, "2024-01-04", f"participant=real/{path.name}", path.read_bytes())
    for report in ingest(lake, open_warehouse(home.warehouse_path)):
        assert not report.problems
    run = home.dbt("build", "--select", "tag:wearable", "--exclude-resource-type", "unit_test")
    assert run.success, (run.named("error"), run.named("fail"))
    return home


def document(name: str) -> Any:
    with gzip.open(SAMPLE / f"intraday_{name}.json.gz") as file:
        return json.load(file)


def test_every_second_of_three_days_is_loaded(home: DbtHome) -> None:
    found = home.query("select count(*) from raw.wearable_reading where metric = 'heart_rate_bpm'")
    assert found == [(259_200,)]


def test_every_reading_that_the_files_hold_is_there(home: DbtHome) -> None:
    found = dict(home.query("select metric, count(*) from raw.wearable_reading group by metric"))
    hrv = sum(len(night["minutes"]) for part in document("hrv") for night in part["hrv"])
    zones = document("active_zone_minute")
    assert found["hrv_rmssd_ms"] == found["hrv_coverage"] == found["hrv_hf"] == found["hrv_lf"] == hrv
    assert found["spo2_pct"] == sum(len(part["minutes"]) for part in document("spo2"))
    assert found["breathing_rate_rpm"] == found["steps"] == found["resting_heart_rate_bpm"] == len(DAYS)
    assert found["active_zone_minutes"] == sum(
        len(day["minutes"]) for part in zones for day in part["activities-active-zone-minutes-intraday"]
    )


def test_a_day_is_rolled_up_to_what_its_file_says(home: DbtHome) -> None:
    days = [day for part in document("heart_rate") for day in part["heart_rate_day"]]
    assert [day["activities-heart"][0]["dateTime"] for day in days] == list(DAYS)
    rows = home.query(
        "select local_date::varchar, heart_rate_bpm_reading_count, worn_minutes, steps_reading_count, has_sleep, "
        "resting_heart_rate_bpm from wearable.participant_day order by all"
    )
    assert rows == [
        *(
            (on, 86_400, 1_440, 1, True, day["activities-heart"][0]["value"]["restingHeartRate"])
            for on, day in zip(DAYS, days, strict=True)
        ),
        # of the morning after, the end of the last night's oxygen saturation alone
        ("2024-01-04", 0, 0, 0, False, None),
    ]
    values = [reading["value"] for day in days for reading in day["activities-heart-intraday"]["dataset"]]
    for level in ("1m", "15m", "1h", "1d"):
        (found,) = home.query(
            f"select sum(reading_count), sum(value_sum), min(value_min), max(value_max) from wearable.reading_{level} "
            "where metric = 'heart_rate_bpm'"
        )
        assert found == (len(values), pytest.approx(sum(values)), min(values), max(values))
