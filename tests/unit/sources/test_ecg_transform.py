"""A signal refused as a whole keeps its number of samples, and a corrected header takes it up again."""

import pytest

from orchestration.lib.sources import open_warehouse
from orchestration.lib.warehouse.connection import Warehouse
from tests.support.ecg_files import Clinic, header_file, ingest, signal_file, statuses

# 1.99 s at 100 Hz, 3.98 s at 50 Hz.
SAMPLE_COUNT = 199


@pytest.fixture
def refused(clinic: Clinic, warehouse: Warehouse) -> str:
    """Raw path of a signal that is too short at the rate of its header."""
    signal, _ = clinic.put_run("D1", 1, 1, signal=signal_file(0, SAMPLE_COUNT), header=header_file(fs=100))
    ingest(clinic.lake, warehouse)
    assert statuses(warehouse)[signal] == "rejected"
    return signal


def test_the_number_of_samples_is_stored(warehouse: Warehouse, refused: str) -> None:
    with warehouse.read() as con:
        rows = con.execute(
            "select clinic, subject, run, sample_count, _raw_path from raw.ecg_refused_signal"
        ).fetchall()
    assert rows == [("sf_state", "01", 1, SAMPLE_COUNT, refused)]


def test_the_message_is_no_interface(clinic: Clinic, warehouse: Warehouse, refused: str) -> None:
    with warehouse.write() as con:
        con.execute("update catalog.file set reason = 'in other words' where status = 'rejected'")
    clinic.put("D2", "subject_01/run_1_header.json", header_file(fs=50))
    ingest(clinic.lake, warehouse)
    assert statuses(warehouse)[refused] == "loaded"
    with warehouse.read() as con:
        assert con.execute("select * from raw.ecg_refused_signal").fetchall() == []


def test_a_warehouse_without_the_numbers_reads_refused_signals_once_more(
    clinic: Clinic, warehouse: Warehouse, refused: str
) -> None:
    with warehouse.write() as con:
        con.execute("drop table raw.ecg_refused_signal")
    older = open_warehouse(warehouse.path)
    clinic.put_run("D2", 2, 1)
    assert ingest(clinic.lake, older).problems
    assert statuses(older)[refused] == "rejected"
    with older.read() as con:
        assert con.execute("select sample_count from raw.ecg_refused_signal").fetchall() == [(SAMPLE_COUNT,)]
        load_id = con.execute("select load_id from catalog.file where raw_path = ?", [refused]).fetchall()
    clinic.put_run("D3", 2, 2)
    assert not ingest(clinic.lake, older).problems
    with older.read() as con:
        assert con.execute("select load_id from catalog.file where raw_path = ?", [refused]).fetchall() == load_id
