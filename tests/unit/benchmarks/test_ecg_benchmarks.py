"""The ECG benchmarks run on any folder of WFDB records and print one JSON line."""

import json
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from benchmarks import ecg_artefacts, identification, r_peak_stress, r_peaks
from benchmarks.noise import NOISES, unit_noise
from synthetic.ecg_signal import draw_morphology, synthesize_run
from tests.support.ecg_signals import synthetic_ecg

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


def last_line(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
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
    assert not result["annotated_span"]


def test_annotations_that_stop_early_bound_what_is_scored(
    records: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """As ECG-ID's after ten beats; said otherwise, what comes after them counts as false."""
    import wfdb

    folder = tmp_path / "cut"
    shutil.copytree(records, folder)
    for path in folder.glob("*.atr"):
        marks = wfdb.rdann(str(path.with_suffix("")), "atr")
        wfdb.wrann(path.stem, "atr", marks.sample[:11], np.array(marks.symbol[:11]), write_dir=str(folder))
    assert r_peaks.main(["--wfdb", str(folder), "--json"]) == 0
    result = last_line(capsys)
    assert result["annotated_span"]
    assert result["beats"] == 20
    assert result["f1"] == 100.0
    assert r_peaks.main(["--wfdb", str(folder), "--no-annotated-span", "--json"]) == 0
    assert last_line(capsys)["ppv"] < 100


def test_a_record_that_cannot_be_read_is_named_and_the_others_go_on(
    records: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    import wfdb

    folder = tmp_path / "some"
    shutil.copytree(records, folder)
    (whole,) = (record.name for record in r_peaks.read_records(folder)[1:])
    first = next(path for path in sorted(folder.glob("*.dat")) if path.stem != whole)
    first.unlink()
    (folder / "broken.atr").write_bytes(b"no annotation")
    # the format's own value for a missing sample
    missing = {"d_signal": np.full((4000, 1), -(2**15)), "fmt": ["16"], "adc_gain": [200.0], "baseline": [0]}
    wfdb.wrsamp("silent", 360, ["mV"], ["MLII"], write_dir=str(folder), **missing)
    wfdb.wrann("silent", "atr", np.array([10, 400]), np.array(["N", "N"]), write_dir=str(folder))
    assert r_peaks.main(["--wfdb", str(folder), "--json"]) == 0
    output = capsys.readouterr()
    assert json.loads(output.out)["records"] == 1
    assert [line.split(":")[0] for line in output.err.splitlines()] == sorted([first.stem, "broken", "silent"])
    assert "silent: left out, it cannot be read: its first channel has no sample" in output.err


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


def test_changed_records_are_scored_by_what_is_left_of_them(records: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert r_peak_stress.main(["--wfdb", str(records), "--json"]) == 0
    result = last_line(capsys)
    assert result.keys() == r_peak_stress.CHANGES.keys() | {f"cut_{seconds}" for seconds in r_peak_stress.CUTS_S}
    assert all(case["vitalhouse"] > 97 for case in result.values())


def test_blocked_and_faded_beats_are_what_they_are_said_to_be(records: Path) -> None:
    record = r_peaks.read_records(records)[0]
    blocked = r_peak_stress.block(record, every=10, count=1, begins_s=r_peak_stress.QRS_BEGINS_S)
    gone = np.setdiff1d(record.beats, blocked.beats)
    assert len(gone) == round(len(record.beats) / 10)
    for place in gone:
        p_wave, r_wave = (slice(place + round(at * 360) - 9, place + round(at * 360) + 9) for at in (-0.17, 0))
        np.testing.assert_array_equal(blocked.ecg_mv[p_wave], record.ecg_mv[p_wave])
        assert np.ptp(blocked.ecg_mv[r_wave]) < 0.1 < np.ptp(record.ecg_mv[r_wave])
    faded = r_peak_stress.fade(record, 0.2)
    share = faded.ecg_mv[record.beats] / record.ecg_mv[record.beats]
    assert (share < 0.3).sum() == r_peak_stress.FADE_BEATS
    assert (share > 0.95).sum() >= len(share) - r_peak_stress.FADE_BEATS - 2


def test_a_match_is_one_to_one() -> None:
    annotated, detected = np.array([100, 200, 300]), np.array([95, 105, 190, 320])
    assert r_peaks.count_matches(annotated, detected, 10) == 2
    assert r_peaks.count_matches(annotated, detected, 20) == 3


@pytest.mark.parametrize("kind", NOISES)
def test_noise_is_of_power_one_and_the_same_every_time(kind: str) -> None:
    noise = unit_noise(kind, 5000, 250.0, 7)
    assert np.isclose(noise.std(), 1)
    np.testing.assert_array_equal(noise, unit_noise(kind, 5000, 250.0, 7))


@pytest.mark.parametrize("benchmark", [r_peaks, r_peak_stress])
def test_a_folder_without_records_is_named(
    benchmark: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert benchmark.main(["--wfdb", str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Records of four people as ECG-ID has them, three each on three days, and an exact copy of one."""
    for number in range(4):
        rng = np.random.default_rng([8, number])
        person = draw_morphology(rng)
        folder = tmp_path / f"Person_{number + 1:02}"
        folder.mkdir()
        recorded = [synthesize_run(rng, person, 5_000, 250.0)[0] for _ in range(3)]
        for run, signal in enumerate([*recorded, recorded[-1]] if number == 0 else recorded, start=1):
            wfdb.wrsamp(
                f"rec_{run}",
                fs=250,
                units=["mV"],
                sig_name=["ECG I"],
                p_signal=signal[:, None],
                fmt=["16"],
                comments=["Age: 25", f"ECG date: {6 + run:02}.12.2004"],
                write_dir=str(folder),
            )
    return tmp_path


def test_people_are_asked_by_each_protocol(people: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The exact copy of a record is left out."""
    assert identification.main(["--wfdb", str(people), "--halves", "2"]) == 0
    result = last_line(capsys)
    assert {name: found["n"] for name, found in result.items()} == {
        "chronological": 5,
        "cross_session": 8,
        "one_shot": 8,
    }
    assert {found["gallery"] for found in result.values()} == {4}


def test_an_undated_record_counts_as_one_of_the_first_day(people: Path, capsys: pytest.CaptureFixture[str]) -> None:
    header = people / "Person_01/rec_2.hea"
    header.write_text(header.read_text().replace("ECG date", "date"))
    assert identification.main(["--wfdb", str(people), "--json"]) == 0
    told = capsys.readouterr()
    assert f"{header}: no comment like" in told.err
    assert json.loads(told.out)["cross_session"]["n"] == 7


def test_one_artefact_in_each_record_costs_no_beat_and_nobody(people: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ecg_artefacts.main(["--wfdb", str(people), "--json"]) == 0
    result = last_line(capsys)
    assert result.keys() == ecg_artefacts.ARTEFACTS.keys()
    for found in result.values():
        assert found["vitalhouse"]["beats"] > 200
        assert found["vitalhouse"]["lost"] <= 1
        assert found["vitalhouse"]["rank1"]["records_without_template"] <= 1  # the copy, where it still is one
    assert result["plug"]["unlimited"]["lost"] > 10


@pytest.mark.parametrize("benchmark", [identification, ecg_artefacts])
def test_a_folder_without_people_is_named(
    benchmark: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "nowhere", tmp_path / "empty"):
        assert benchmark.main(["--wfdb", str(folder)]) == 2
        assert str(folder) in capsys.readouterr().err
