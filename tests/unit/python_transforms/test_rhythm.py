"""Normal, ectopic and misdetected beats, on rhythms whose beats are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from python_transforms.ecg import BEAT_FIGURES, transform_batch
from python_transforms.ecg.features import rr_statistics
from python_transforms.ecg.rhythm import Rhythm, classify_intervals
from tests.support.ecg_signals import WAVES, synthetic_ecg
from tests.support.hypothesis_profile import examples

RATE = 500.0


def classified(rr_ms: np.ndarray) -> Rhythm:
    index = np.round(np.concatenate([[0], np.cumsum(rr_ms)]) * RATE / 1000).astype(np.int64)
    return classify_intervals(np.zeros(len(index), np.int64), index, RATE)


def sinus(n_beats: int = 24, seed: int = 0) -> np.ndarray:
    """Intervals with breathing and a little noise."""
    beat = np.arange(n_beats)
    return 850 + 40 * np.sin(2 * np.pi * beat / 5) + np.random.default_rng(seed).normal(0, 10, n_beats)


@pytest.mark.parametrize("seed", range(5))
def test_every_beat_of_a_sinus_rhythm_is_normal(seed: int) -> None:
    found = classified(sinus(seed=seed))
    assert not (found.is_ectopic | found.is_extra).any()
    assert found.is_interval_whole.all()


@pytest.mark.parametrize("at", [3, 10, 20])
def test_a_premature_beat_with_its_pause_is_ectopic(at: int) -> None:
    rr = sinus()
    rr[at] -= 300
    rr[at + 1] += 300
    found = classified(rr)
    assert np.flatnonzero(found.is_ectopic).tolist() == [at + 1]
    assert found.is_premature[at + 1]
    assert not found.is_extra.any()


def test_in_bigeminy_every_other_beat_is_ectopic() -> None:
    found = classified(np.tile([550.0, 1050.0], 12))
    early = np.arange(1, 25, 2)
    assert set(np.flatnonzero(found.is_ectopic)) <= set(early)
    assert found.is_ectopic.sum() >= len(early) - 2  # the outermost have no neighbour to be told by


def test_a_false_beat_splits_an_interval() -> None:
    rr = sinus()
    found = classified(np.concatenate([rr[:9], [0.4 * rr[9], 0.6 * rr[9]], rr[10:]]))
    assert np.flatnonzero(found.is_extra).tolist() == [10]
    assert not found.is_ectopic.any()


def test_a_missed_beat_leaves_an_interval_that_is_not_whole() -> None:
    rr = sinus()
    found = classified(np.concatenate([rr[:9], [rr[9] + rr[10]], rr[11:]]))
    assert np.flatnonzero(~found.is_interval_whole).tolist() == [10]
    assert not (found.is_ectopic | found.is_extra).any()


@settings(max_examples=examples(30), deadline=None)
@given(st.lists(st.lists(st.integers(150, 1500), min_size=0, max_size=40), min_size=1, max_size=5))
def test_runs_do_not_mix(runs: list[list[int]]) -> None:
    peaks = [np.concatenate([[0], np.cumsum(rr)]).astype(np.int64) for rr in runs]
    run = np.repeat(np.arange(len(runs)), [len(index) for index in peaks])
    together = classify_intervals(run, np.concatenate(peaks), RATE)
    for row, index in enumerate(peaks):
        alone = classify_intervals(np.zeros(len(index), np.int64), index, RATE)
        for name in Rhythm.__dataclass_fields__:
            np.testing.assert_array_equal(getattr(together, name)[run == row], getattr(alone, name), err_msg=name)


def ectopic_run() -> tuple[np.ndarray, np.ndarray]:
    """A run with two wide premature beats and a spike of noise, and the times of the premature ones."""
    rr = np.full(24, 800.0)
    for at in (6, 14):
        rr[at] -= 250
        rr[at + 1] += 250
    ecg_mv, r_times = synthetic_ecg(rr, RATE)
    time = np.arange(len(ecg_mv)) / RATE
    for number in (7, 15):
        for offset, width, height in WAVES:  # the sinus beat goes, a wide one without P wave comes
            ecg_mv -= height * np.exp(-0.5 * np.square((time - r_times[number] - offset) / width))
        ecg_mv += 1.4 * np.exp(-0.5 * np.square((time - r_times[number]) / 0.035))
        ecg_mv -= 0.6 * np.exp(-0.5 * np.square((time - r_times[number] - 0.2) / 0.06))
    return ecg_mv, r_times[[7, 15]]


def test_ectopic_beats_are_marked_and_left_out_of_the_statistics() -> None:
    ecg_mv, ectopic_s = ectopic_run()
    batch = transform_batch(ecg_mv[None], RATE)
    beats = dict(zip(BEAT_FIGURES, batch.beats, strict=True))
    marked = batch.r_peak_index[0][beats["is_ectopic"] > 0] / RATE
    np.testing.assert_allclose(marked, ectopic_s, atol=0.05)
    assert batch.features["ectopic_beat_count"][0] == 2
    assert batch.features["misdetected_beat_count"][0] == 0
    n_beats = batch.features["beat_count"][0]
    # each takes the intervals on both its sides along
    assert batch.features["nn_interval_count"][0] == n_beats - 1 - 4
    assert batch.features["mean_nn_ms"][0] == pytest.approx(800, abs=2)
    assert batch.features["rmssd_ms"][0] < 5
    everything = rr_statistics(np.zeros(n_beats, np.int64), batch.r_peak_index[0], 1, RATE)
    assert everything["rmssd_ms"][0] > 100


def test_each_beat_is_of_one_kind() -> None:
    noise = np.random.default_rng(6).standard_normal((3, 10_000))
    batch = transform_batch(np.vstack([ectopic_run()[0][None], noise, ectopic_run()[0][None] + 0.3 * noise[:1]]), RATE)
    beats = dict(zip(BEAT_FIGURES, batch.beats, strict=True))
    np.testing.assert_array_equal(beats["is_normal"] + beats["is_ectopic"] + beats["is_misdetected"], 1)


def test_differences_are_of_intervals_that_follow_each_other() -> None:
    index = np.cumsum([0, 400, 400, 300, 500, 400, 410])
    is_nn = np.array([False, True, True, False, False, True, True])
    found = rr_statistics(np.zeros(7, np.int64), index, 1, RATE, is_nn)
    assert found["mean_nn_ms"][0] == pytest.approx(np.mean([800, 800, 800, 820]))
    assert found["rmssd_ms"][0] == pytest.approx(np.sqrt((0**2 + 20**2) / 2))
