"""Figures of runs: RR-interval statistics against NeuroKit2 and by hand, and the shape of the mean beat."""

import warnings
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from python_transforms.ecg import FEATURES, transform_batch
from python_transforms.ecg.features import beat_shape, rr_statistics
from python_transforms.ecg.filtering import bandpass
from tests.examples import examples
from tests.unit.ecg_signals import synthetic_ecg

RATE = 500.0


def statistics(*peaks: list[int] | np.ndarray, rate: float = RATE) -> dict[str, np.ndarray]:
    run = np.repeat(np.arange(len(peaks)), [len(p) for p in peaks])
    index = np.concatenate([np.asarray(p, np.int64) for p in peaks])
    return rr_statistics(run, index, len(peaks), rate)


peak_lists = st.lists(st.integers(100, 900), min_size=4, max_size=60).map(np.cumsum)


@settings(max_examples=examples(30), deadline=None)
@given(st.lists(peak_lists, min_size=1, max_size=4), st.sampled_from([100, 250, 360, 500, 1000]))
def test_equals_neurokit(runs: list[np.ndarray], rate: int) -> None:
    nk = pytest.importorskip("neurokit2", reason="neurokit2 is the reference for HRV (extra dev)")
    found = statistics(*runs, rate=rate)
    for row, peaks in enumerate(runs):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # short series: NeuroKit2 warns about figures that are not compared
            expected = nk.hrv_time(peaks, sampling_rate=rate)
        for ours, theirs in (
            ("mean_nn_ms", "HRV_MeanNN"),
            ("sdnn_ms", "HRV_SDNN"),
            ("rmssd_ms", "HRV_RMSSD"),
            ("sdsd_ms", "HRV_SDSD"),
        ):
            assert found[ours][row] == pytest.approx(expected[theirs].iloc[0], abs=1e-9, rel=1e-12), ours


def test_pnn50_is_neurokits_count_over_the_differences() -> None:
    nk = pytest.importorskip("neurokit2", reason="neurokit2 is the reference for HRV (extra dev)")
    peaks = np.cumsum(np.random.default_rng(1).integers(700, 900, 40))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = nk.hrv_time(peaks, sampling_rate=1000)["HRV_pNN50"].iloc[0]
    # NeuroKit2 divides by the 39 intervals, hrv-analysis and pyHRV by the 38 differences
    assert statistics(peaks, rate=1000)["pnn50_pct"][0] == pytest.approx(theirs * 39 / 38)


def test_by_hand() -> None:
    found = statistics([0, 400, 830, 1220, 1620])  # 800, 860, 780, 800 ms; differences 60, -80, 20
    assert found["mean_nn_ms"][0] == 810
    assert found["heart_rate_bpm"][0] == pytest.approx(60_000 / 810)
    assert found["sdnn_ms"][0] == pytest.approx(np.sqrt((100 + 2500 + 900 + 100) / 3))
    assert found["rmssd_ms"][0] == pytest.approx(np.sqrt((3600 + 6400 + 400) / 3))
    assert found["sdsd_ms"][0] == pytest.approx(np.std([60, -80, 20], ddof=1))
    assert found["pnn50_pct"][0] == pytest.approx(100 * 2 / 3)


def test_a_difference_of_50_ms_does_not_exceed_50_ms() -> None:
    assert statistics([0, 400, 825])["pnn50_pct"][0] == 0
    assert statistics([0, 400, 826])["pnn50_pct"][0] == 100
    assert statistics([0, 251, 520], rate=360)["pnn50_pct"][0] == 0  # 18 samples
    assert statistics([0, 251, 521], rate=360)["pnn50_pct"][0] == 100


def test_too_few_beats_give_nan_and_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = statistics([], [100], [100, 500], [100, 500, 920], [100, 500, 920, 1300])
    known = {name: np.isfinite(values).tolist() for name, values in found.items()}
    assert known["mean_nn_ms"] == known["heart_rate_bpm"] == [False, False, True, True, True]
    assert known["sdnn_ms"] == known["rmssd_ms"] == known["pnn50_pct"] == [False, False, False, True, True]
    assert known["sdsd_ms"] == [False, False, False, False, True]


@settings(deadline=None)
@given(st.lists(peak_lists, min_size=1, max_size=6))
def test_runs_do_not_mix(runs: list[np.ndarray]) -> None:
    together = statistics(*runs)
    for row, peaks in enumerate(runs):
        for name, values in statistics(peaks).items():
            np.testing.assert_allclose(together[name][row], values[0], rtol=1e-12)


def shape_of(ecg_mv: np.ndarray, r_times: np.ndarray, rate: float = RATE) -> dict[str, float]:
    index = np.round(r_times * rate).astype(np.int64)
    found = beat_shape(bandpass(ecg_mv, rate)[None], np.zeros(len(index), np.int64), index, np.zeros(1, np.int64), rate)
    return {name: float(values[0]) for name, values in found.items()}


@pytest.mark.parametrize("rate", [250.0, 500.0, 1000.0])
@pytest.mark.parametrize("duration_ms", [60, 80, 100, 120, 150])
def test_qrs_duration_grows_with_the_complex(duration_ms: int, rate: float) -> None:
    time = np.arange(round(20 * rate)) / rate
    r_times = 1 + 0.8 * np.arange(22)
    ecg_mv = 0.005 * np.random.default_rng(0).standard_normal(len(time))
    for r_time in r_times:
        for part, height in ((-0.375, -0.15), (0.0, 1.2), (0.375, -0.3)):  # Q, R and S fill the duration
            width = duration_ms / 1000 * (0.5 if part == 0 else 0.25)
            phase = (time - r_time - part * duration_ms / 1000) / width
            ecg_mv += height * np.where(np.abs(phase) < 0.5, np.cos(np.pi * phase) ** 2, 0)
    # the 40-Hz edge widens narrow complexes most
    assert shape_of(ecg_mv, r_times, rate)["qrs_duration_ms"] == pytest.approx(duration_ms + 10, abs=14)


def test_amplitude_is_taken_from_the_level_before_the_complex() -> None:
    ecg_mv, r_times = synthetic_ecg(np.full(30, 800.0), RATE)
    upright, inverted = shape_of(ecg_mv, r_times), shape_of(-ecg_mv, r_times)
    assert upright["r_amplitude_mv"] == pytest.approx(1.0, abs=0.15)
    assert inverted["r_amplitude_mv"] == pytest.approx(-upright["r_amplitude_mv"])
    assert inverted["qrs_duration_ms"] == pytest.approx(upright["qrs_duration_ms"])


def test_signal_quality_falls_as_noise_grows() -> None:
    quality = []
    for noise_mv in (0.0, 0.05, 0.2, 0.8, 3.0):
        ecg_mv, r_times = synthetic_ecg(np.full(30, 800.0), RATE, noise_mv=noise_mv)
        quality.append(shape_of(ecg_mv, r_times)["signal_quality"])
    assert quality[0] > 0.999
    assert all(before > after for before, after in pairwise(quality))
    assert quality[-1] < 0.66


def test_fewer_than_three_whole_beats_have_no_shape() -> None:
    ecg_mv, r_times = synthetic_ecg(np.full(30, 800.0), RATE)
    assert all(np.isnan(value) for value in shape_of(ecg_mv, r_times[:2]).values())
    assert all(np.isfinite(value) for value in shape_of(ecg_mv, r_times[:3]).values())
    assert all(np.isnan(value) for value in shape_of(ecg_mv, r_times[:0]).values())


def test_many_beats_are_gathered_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    from python_transforms.ecg import features

    rng = np.random.default_rng(3)
    runs = np.stack([synthetic_ecg(rng.normal(800, 40, 40), RATE, seed=seed)[0] for seed in range(5)])
    whole = transform_batch(runs, RATE).features
    monkeypatch.setattr(features, "GATHER_SAMPLES", 3000)  # ten beats
    pieces = transform_batch(runs, RATE).features
    for name in FEATURES:
        np.testing.assert_allclose(pieces[name], whole[name], rtol=1e-9)
