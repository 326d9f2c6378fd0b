"""The ECG benchmarks run on any folder of WFDB records and print one JSON line."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import r_peaks
from benchmarks.noise import NOISES, unit_noise
from tests.unit.ecg_signals import synthetic_ecg

wfdb = pytest.importorskip("wfdb", reason="wfdb writes and reads the records (extra dev)")


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two records of 60 s with their beats, one of them with an ectopic code and a rhythm mark that is no beat."""
    folder = tmp_path_factory.mktemp("wfdb")
    for name, rr in (("one", 800.0), ("two", 950.0)):
        ecg_mv, r_times = synthetic_ecg(np.full(70, rr), 360.0, seconds=60)
        wfdb.wrsamp(name, 360, ["mV"], ["MLII"], ecg_mv[:, None], fmt=["16"], write_dir=str(folder))
        sample = np.round(r_times * 360).astype(int)
        symbol = np.full(len(sample), "N")
        symbol[5] = "V"
        wfdb.wrann(name, "atr", np.insert(sample, 0, 10), np.insert(symbol, 0, "+"), write_dir=str(folder))
    return folder


def last_line(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    result: dict[str, object] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return result


def test_every_beat_code_counts_and_nothing_else(records: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert r_peaks.main(["--wfdb", str(records), "--window-ms", "75", "--json"]) == 0
    output = capsys.readouterr().out
    assert len(output.splitlines()) == 1
    result = json.loads(output)
    assert result["records"] == 2
    assert result["beats"] == sum(len(record.beats) for record in r_peaks.read_records(records))
    assert result["sensitivity"] == result["ppv"] == result["f1"] == 100.0
    assert result["samples_per_s"] > 0


def test_peers_are_scored_or_named(
    records: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_installed() -> None:
        raise ImportError

    monkeypatch.setattr(r_peaks, "_biosppy", not_installed)
    monkeypatch.setattr(r_peaks, "_sleepecg", lambda: lambda run, rate: np.array([60, 30, 30]))
    monkeypatch.setattr(r_peaks, "_xqrs", not_installed)
    assert r_peaks.main(["--wfdb", str(records), "--peers", "--noise"]) == 0
    result = last_line(capsys)
    assert result["peers_not_installed"] == ["wfdb_xqrs", "biosppy"]
    assert result["peers"].keys() == {"neurokit2", "sleepecg"}
    assert result["peers"]["neurokit2"]["f1"] > 95
    assert result["peers"]["sleepecg"]["sensitivity"] == 0
    assert result["f1_in_noise_0_db"].keys() == set(NOISES)


def test_a_match_is_one_to_one() -> None:
    annotated, detected = np.array([100, 200, 300]), np.array([95, 105, 190, 320])
    assert r_peaks.count_matches(annotated, detected, 10) == 2
    assert r_peaks.count_matches(annotated, detected, 20) == 3


@pytest.mark.parametrize("kind", NOISES)
def test_noise_is_of_power_one_and_the_same_every_time(kind: str) -> None:
    noise = unit_noise(kind, 5000, 250.0, 7)
    assert np.isclose(noise.std(), 1)
    np.testing.assert_array_equal(noise, unit_noise(kind, 5000, 250.0, 7))


def test_a_folder_without_records_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert r_peaks.main(["--wfdb", str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err
