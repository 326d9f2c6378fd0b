"""Spikes and jumps of a signal: limited where they are, and nothing else is touched."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from python_transforms.ecg import artefacts, transform_batch
from python_transforms.ecg.artefacts import BLOCK_S, STEEP_FACTOR, limit_steps
from tests.support.ecg_signals import regular_ecg, synthetic_ecg
from tests.support.hypothesis_profile import examples

RATE = 250.0


def ecg(seconds: float = 20.0) -> np.ndarray:
    return synthetic_ecg(np.full(round(seconds), 850.0), RATE, noise_mv=0.01, seconds=seconds)[0]


def test_a_clean_signal_is_returned_as_it_is() -> None:
    runs = np.stack([ecg(), -ecg(), np.zeros(5_000)])
    limited, count = limit_steps(runs, RATE)
    assert limited is runs
    assert count.tolist() == [0, 0, 0]


def test_no_runs_and_runs_shorter_than_a_block() -> None:
    assert limit_steps(np.zeros((0, 5_000)), RATE)[0].shape == (0, 5_000)
    np.testing.assert_array_equal(limit_steps(np.array([[0.0, 9.0, 0.0]]), RATE)[0], [[0, 9, 0]])


@settings(max_examples=examples(30), deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 4_999), st.floats(-200, 200)), max_size=3),
    st.sampled_from([1.0, -1.0, 1000.0, 1e-3]),
    st.floats(-50_000, 50_000),
)
def test_jumps_are_limited_and_the_rest_is_only_shifted(
    jumps: list[tuple[int, float]], gain: float, offset: float
) -> None:
    clean = ecg()
    broken = clean.copy()
    for place, height in jumps:
        broken[place:] += height
    (limited,), (count,) = limit_steps((gain * broken + offset)[None], RATE)
    steps = np.diff(limited) / gain
    usual = np.abs(np.diff(clean)).max()
    untouched = np.setdiff1d(np.arange(4_999), [place - 1 for place, _ in jumps])
    np.testing.assert_allclose(steps[untouched], np.diff(clean)[untouched], atol=1e-6)
    assert np.abs(steps).max() <= STEEP_FACTOR * usual + 1e-6
    assert count <= len({place for place, _ in jumps})


def test_a_spike_leaves_the_level_where_it_was() -> None:
    broken = ecg()
    broken[2_000:2_003] -= 154
    (limited,), (count,) = limit_steps(broken[None], RATE)
    assert count == 2
    np.testing.assert_allclose(limited[2_003:], ecg()[2_003:], atol=0.5)
    assert np.abs(limited - ecg()).max() < 3


def test_each_run_is_limited_as_it_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else is in the batch, and however little is looked at at once."""
    runs = np.stack([ecg(60), ecg(60), -ecg(60)])
    runs[0, 3_000:] += 50
    runs[2, 14_000:14_010] = 9
    limited, count = limit_steps(runs, RATE)
    assert (count > 0).tolist() == [True, False, True]
    monkeypatch.setattr(artefacts, "SLICE_SAMPLES", round(BLOCK_S * RATE))
    for run, expected in zip(runs, limited, strict=True):
        np.testing.assert_array_equal(limit_steps(run[None], RATE)[0][0], expected)


def test_beats_of_some_seconds_in_a_dead_recording_are_none() -> None:
    runs = np.zeros((1, 7_500))
    runs[0, 2_000:3_500] = ecg()[:1_500]
    assert limit_steps(runs, RATE)[1][0] <= 2  # where the signal begins and ends


@pytest.mark.parametrize("seconds", [0.01, 0.5, None])
def test_the_filter_does_not_ring_and_the_raw_figures_stay_raw(seconds: float | None) -> None:
    clean = regular_ecg(RATE)
    broken = clean.copy()
    broken[2_500 : None if seconds is None else 2_500 + round(seconds * RATE)] -= 154
    before, after = (transform_batch(run[None], RATE) for run in (clean, broken))
    apart = np.abs(np.arange(len(clean)) / RATE - 10.0 - (seconds or 0) / 2) > 1.5
    difference = np.abs(after.filtered_mv - before.filtered_mv)[0, apart]
    assert difference.max() < 0.2  # it was 20 mV
    assert after.features["raw_min_mv"][0] < -150
    assert after.features["artefact_sample_count"][0] in (1, 2)
    assert before.features["artefact_sample_count"][0] == 0
