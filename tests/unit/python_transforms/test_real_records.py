"""The transforms on real recordings: ECG-ID runs as a clinic delivers them, and the MIT-BIH records at hand."""

import json
import tarfile
import warnings
from pathlib import Path

import numpy as np
import pytest

from benchmarks import ecg_delineation, ecg_filter, ecg_quality, r_peaks
from orchestration.lib.core.home import REPOSITORY
from python_transforms.ecg import FEATURES, EcgBatch, transform_batch
from python_transforms.ecg.filtering import bandpass

DATA = REPOSITORY.parent / "shared" / "data" / "ecg"
RATE = 500.0


def unpack(archive: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = DATA / archive
    if not path.is_file():
        pytest.skip(f"the real recordings are not there (../shared/data/ecg/{archive})")
    folder = tmp_path_factory.mktemp(archive.split(".")[0])
    with tarfile.open(path) as tar:
        tar.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="module")
def mitdb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("wfdb", reason="wfdb reads the annotations (extra dev)")
    return unpack("mitdb_10.tar.xz", tmp_path_factory)


@pytest.fixture(scope="module")
def ecgid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("wfdb", reason="wfdb reads the records (extra dev)")
    return unpack("ecgid_1_40.tar.xz", tmp_path_factory)


@pytest.fixture(scope="module")
def clinic_runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """The first delivery's runs by ``subject_NN/run_Y``."""
    folder = unpack("bodyport_part.tar.xz", tmp_path_factory)
    files = sorted(folder.glob("clinic=*/measurement=ecg/2020-01-01/*/run_*.csv"))
    return {f"{path.parent.name}/{path.stem}": np.array(path.read_text().split()[1:], np.float64) for path in files}


@pytest.fixture(scope="module")
def clinic_batch(clinic_runs: dict[str, np.ndarray]) -> EcgBatch:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return transform_batch(np.stack(list(clinic_runs.values())), RATE)


def scored(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, float]:
    assert r_peaks.main(["--wfdb", str(folder), "--json", *options]) == 0
    result: dict[str, float] = json.loads(capsys.readouterr().out)
    return result


def test_r_peaks_of_mit_bih(mitdb: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wide, narrow = (scored(mitdb, capsys, "--window-ms", window) for window in ("150", "75"))
    assert wide["records"] == 10
    assert wide["beats"] == 22_471
    assert wide["f1"] >= 99.8
    assert wide["f1_flutter_counted"] >= 99.3
    assert narrow["f1"] >= 99.7


def test_r_peaks_of_mit_bih_in_noise(mitdb: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As strong as the record itself."""
    f1: dict[str, float] = scored(mitdb, capsys, "--noise")["f1_in_noise_0_db"]  # type: ignore[assignment]
    assert f1["white"] >= 97.0
    assert f1["muscle"] >= 99.5
    assert f1["wander"] >= 99.8
    assert f1["mains"] >= 99.8


def test_r_peaks_of_ecg_id(ecgid: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is left of errors are annotations: beats that are not marked, and marks where there is no beat."""
    result = scored(ecgid, capsys)
    assert result["annotated_span"]
    assert result["f1"] >= 99.6


def test_beats_do_not_depend_on_the_lead_being_upright(mitdb: Path) -> None:
    import wfdb

    ecg_mv = wfdb.rdrecord(str(next(mitdb.rglob("119.hea")).with_suffix("")), channels=[0]).p_signal[:100_000, 0]
    upright, inverted, scaled = transform_batch(np.stack([ecg_mv, -ecg_mv, 10 * ecg_mv - 50]), 360.0).r_peak_index
    np.testing.assert_array_equal(upright, inverted)
    np.testing.assert_array_equal(upright, scaled)


def test_filter_comes_near_to_the_authors_own(ecgid: Path) -> None:
    raw, reference = ecg_filter.read_ecgid(ecgid)
    assert len(raw) > 140
    correlation, ratio_db = ecg_filter.compare_with_authors(raw, reference, 3)
    assert correlation >= 0.993
    assert ratio_db >= 18.5


def test_t_peaks_are_those_that_were_annotated(ecgid: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ecg_delineation.main(["--wfdb", str(ecgid), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    for of in ("averaged", "beats"):
        assert found[of]["records"] == 163
        assert found[of]["mae_ms"] <= 5
        assert found[of]["within_40_ms_pct"] >= 99
    assert max(found["folds_mae_ms"]) <= 6


def test_usable_windows_have_their_beats_and_ectopic_ones_are_left_out(
    mitdb: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ecg_quality.main(["--wfdb", str(mitdb), "--every", "15", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["f1_usable"] >= 99.4
    assert found["f1_usable"] > found["f1_just_above"] > found["f1_unusable"]
    for index in found["median_index"].values():
        assert (np.diff(index) < 0.005).all()
    assert found["left_out_pct"]["ventricular"] > 75
    assert found["left_out_pct"]["normal"] < 4


def test_every_run_of_the_clinic_is_usable(clinic_runs: dict[str, np.ndarray], clinic_batch: EcgBatch) -> None:
    assert len(clinic_runs) == 165
    assert clinic_batch.is_usable.all()
    assert np.isfinite(clinic_batch.filtered_mv).all()
    # a P wave that noise hides, or a complex without an R wave, has no figures
    may_lack = {name for name in FEATURES if name.startswith(("p_", "pr_", "q_", "s_", "r_wave_a"))}
    for name in FEATURES.keys() - {"mains_frequency_hz"} - may_lack:
        assert np.isfinite(clinic_batch.features[name]).all(), name
    assert np.isfinite(clinic_batch.features["pr_interval_ms"]).mean() > 0.85


def test_figures_are_those_of_people_at_rest(clinic_batch: EcgBatch) -> None:
    figures = clinic_batch.features
    assert ((figures["heart_rate_bpm"] > 45) & (figures["heart_rate_bpm"] < 130)).all()
    assert 70 <= np.median(figures["qrs_duration_ms"]) <= 100
    assert 0.3 <= np.median(np.abs(figures["r_amplitude_mv"])) <= 1.5
    assert np.median(figures["signal_quality"]) > 0.97
    # Rautaharju et al. (2009): QTc of 95 % of adults; Kligfield et al. (2007): PR of 120 to 200 ms
    assert 120 <= np.nanmedian(figures["pr_interval_ms"]) <= 200
    assert 350 <= np.median(figures["qtc_fridericia_ms"]) <= 460
    assert np.abs(np.median(figures["st_level_mv"])) < 0.1
    # healthy people have few ectopic beats
    assert figures["ectopic_beat_count"].sum() < 0.01 * figures["beat_count"].sum()
    assert figures["misdetected_beat_count"].sum() < 0.02 * figures["beat_count"].sum()
    assert set(np.unique(figures["mains_frequency_hz"][np.isfinite(figures["mains_frequency_hz"])])) == {50.0}
    assert (figures["clipped_sample_count"] == 0).all()
    assert (figures["constant_sample_count"] == 0).all()


def test_flat_starts_are_marked(clinic_runs: dict[str, np.ndarray], clinic_batch: EcgBatch) -> None:
    lengths = clinic_batch.features["flat_start_sample_count"]
    flat = {name: int(length) for name, length in zip(clinic_runs, lengths, strict=True) if length}
    assert flat == {
        "subject_13/run_2": 2048,
        "subject_15/run_1": 1024,
        "subject_24/run_5": 2048,
        "subject_25/run_4": 2048,
        "subject_26/run_3": 2048,
        "subject_27/run_3": 2048,
        "subject_28/run_4": 2048,
        "subject_32/run_6": 2048,
    }
    for row, name in enumerate(clinic_runs):
        if name in flat:
            assert (clinic_runs[name][: flat[name]] == -0.005).all()
            assert clinic_batch.r_peak_index[row].min() >= flat[name]
            rest = clinic_runs[name][flat[name] :]
            assert clinic_batch.features["raw_min_mv"][row] == rest.min()
            np.testing.assert_allclose(
                clinic_batch.filtered_mv[row, flat[name] + 1000 : -500],
                bandpass(rest, RATE, notch_hz=50 if clinic_batch.features["mains_frequency_hz"][row] == 50 else None)[
                    1000:-500
                ],
                atol=2e-3,
            )


def test_each_run_of_the_clinic_comes_out_as_it_would_alone(
    clinic_runs: dict[str, np.ndarray], clinic_batch: EcgBatch
) -> None:
    for row, run in list(enumerate(clinic_runs.values()))[::11]:
        alone = transform_batch(run[None], RATE)
        np.testing.assert_allclose(alone.filtered_mv[0], clinic_batch.filtered_mv[row], atol=1e-12)
        np.testing.assert_array_equal(alone.r_peak_index[0], clinic_batch.r_peak_index[row])
