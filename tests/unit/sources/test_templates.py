"""Templates of ECG runs in the warehouse."""

from typing import Any

import numpy as np
import pytest

from orchestration.lib.warehouse.connection import Warehouse
from python_transforms.ecg.template import TEMPLATE_SAMPLES, beat_templates
from tests.support.ecg_files import Clinic, header_file, ingest, samples_file, signal_file

LONG = {"sample_count": 1_000}


def templates(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    with warehouse.read() as con:
        return con.execute("select subject, run, template_mv from raw.ecg_run_feature order by all").fetchall()


@pytest.fixture
def enrolled(clinic: Clinic, warehouse: Warehouse) -> Clinic:
    """Two runs with beats enough, and one without."""
    clinic.put_run("D1", 1, 1, signal=signal_file(1, **LONG))
    clinic.put_run("D1", 1, 2, signal=signal_file(2, **LONG))
    clinic.put_run("D1", 2, 1, signal=signal_file(3, sample_count=250))
    ingest(clinic.lake, warehouse)
    return clinic


class TestEnrolment:
    def test_each_run_with_beats_enough_has_its_template(self, enrolled: Clinic, warehouse: Warehouse) -> None:
        rows = templates(warehouse)
        assert [(subject, run) for subject, run, _ in rows] == [("01", 1), ("01", 2), ("02", 1)]
        assert [len(template) if template else 0 for *_, template in rows] == [TEMPLATE_SAMPLES, TEMPLATE_SAMPLES, 0]
        with warehouse.read() as con:
            ((signal_path,),) = con.execute("select distinct signal_path from raw.ecg_run_feature").fetchall()
            filtered, r_peaks = con.execute(
                "select filtered_mv, r_peak_index from read_parquet(?) where raw_path like '%subject_01/run_2.csv'",
                [str(enrolled.lake.path(signal_path))],
            ).fetchall()[0]
        expected = beat_templates([np.array(filtered, np.float32)], [np.array(r_peaks)], 100.0)[0]
        np.testing.assert_array_equal(rows[1][2], expected)

    def test_a_corrected_rate_corrects_the_template(self, enrolled: Clinic, warehouse: Warehouse) -> None:
        before = templates(warehouse)
        enrolled.put("D2", "subject_01/run_1_header.json", header_file(fs=110))
        ingest(enrolled.lake, warehouse)
        after = templates(warehouse)
        assert after[0][2] != before[0][2]
        assert after[1:] == before[1:]

    def test_a_signal_that_became_unusable_has_no_template(self, enrolled: Clinic, warehouse: Warehouse) -> None:
        enrolled.put("D1", "subject_01/run_1.csv", samples_file([1.0] * 1_000))
        ingest(enrolled.lake, warehouse)
        assert [template is None for *_, template in templates(warehouse)] == [True, False, True]
