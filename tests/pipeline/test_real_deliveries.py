"""Real deliveries are loaded whole. Slow tests ask what is published of them: `test_real_ecg`, `test_real_wearable`."""

import gzip
import json
import shutil
from pathlib import Path

import pytest

from orchestration.lib.core.home import REPOSITORY
from orchestration.lib.ingest.load import crawl_and_load
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources import ENTITIES
from orchestration.lib.sources.ecg.contract import ECG_RUN_HEADER
from orchestration.lib.warehouse.connection import Warehouse
from tests.support.wearable_files import ingest, put, roster_file

DATA = REPOSITORY.parent / "shared" / "data"
ARCHIVE = DATA / "ecg" / "bodyport_part.tar.xz"
HEART_RATES = DATA / "wearable" / "intraday_heart_rate.json.gz"


@pytest.mark.skipif(not ARCHIVE.exists(), reason=f"the real ECG deliveries are not there: {ARCHIVE}")
def test_every_real_subject_and_run_is_loaded(lake: Lake, warehouse: Warehouse, tmp_path: Path) -> None:
    """A run that came again under another subject's name is a run of this subject too."""
    shutil.unpack_archive(ARCHIVE, tmp_path / "unpacked")
    counts = []
    for delivery in ("2020-01-01", "2020-12-01"):
        below = Path("clinic=sf_state") / "measurement=ecg" / delivery
        (lake.root / "incoming" / below).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "unpacked" / below).rename(lake.root / "incoming" / below)
        report = crawl_and_load(ECG_RUN_HEADER, ENTITIES, lake, warehouse, settle_seconds=0)
        assert not report.problems
        with warehouse.read() as con:
            counts += con.execute(
                "select count(distinct subject), count(distinct (subject, run)) from raw.ecg_run_header"
            ).fetchall()
    assert counts == [(41, 165), (42, 168)]


@pytest.mark.skipif(not HEART_RATES.exists(), reason=f"the real days are not there: {HEART_RATES}")
def test_every_second_of_three_real_days_is_loaded(lake: Lake, warehouse: Warehouse) -> None:
    put(lake, "2024-01-04", "roster.csv", roster_file("real,2024-01-01,,America/Los_Angeles,true"))
    put(lake, "2024-01-04", f"participant=real/{HEART_RATES.name}", HEART_RATES.read_bytes())
    for report in ingest(lake, warehouse):
        assert not report.problems
    values = [
        reading["value"]
        for part in json.loads(gzip.decompress(HEART_RATES.read_bytes()))
        for day in part["heart_rate_day"]
        for reading in day["activities-heart-intraday"]["dataset"]
    ]
    with warehouse.read() as con:
        loaded = con.execute(
            "select count(*), sum(value), min(value), max(value) from raw.wearable_reading"
            " where metric = 'heart_rate_bpm'"
        ).fetchone()
    assert loaded == (259_200, pytest.approx(sum(values)), min(values), max(values))
    assert len(values) == 259_200
