"""Figures of runs: RR-interval statistics against NeuroKit2 and by hand, and the shape of the mean beat."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from python_transforms.ecg.features import rr_statistics
from tests.support.hypothesis_profile import examples

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
