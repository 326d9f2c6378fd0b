"""A build goes on where one that was killed left off. `make torture` kills whole builds; here is what it found."""

import json
import shutil
from pathlib import Path

import pytest

from orchestration.lib.core.home import Home
from orchestration.lib.ingest.load import crawl_and_load
from orchestration.lib.lake.files import Lake
from orchestration.lib.query.sql import run_query
from orchestration.lib.sources import ENTITIES, open_warehouse
from orchestration.lib.sources.ecg.contract import ECG_RUN_HEADER
from synthetic.files import write_file
from tests.pipeline.conftest import Built


@pytest.mark.slow
def test_a_signal_is_transformed_whose_header_a_killed_build_has_loaded(built: Built, tmp_path: Path) -> None:
    """A header that came alone is loaded and no file is new any more; its signal is still to be transformed anew."""
    shutil.copytree(built.home.path, tmp_path / "home")
    home = Home(tmp_path / "home")
    folder = home.lake_path / "incoming/clinic=sf_state/measurement=ecg"
    header = json.loads((folder / "2020-01-01/subject_02/run_4_header.json").read_text())
    write_file(folder / "2020-12-02/subject_02/run_4_header.json", json.dumps({**header, "fs": 400}).encode())
    crawl_and_load(ECG_RUN_HEADER, ENTITIES, Lake(home.lake_path), open_warehouse(home.warehouse_path))

    assert Built(home.path).build(measurement="ecg").is_good
    answer = run_query(home, "select run_key, duration_s from ecg.run where sampling_rate_hz = 400")
    assert answer.rows == [("sf_state:02:4", 25.0)]
