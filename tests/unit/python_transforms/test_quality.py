"""Gaps, flat starts, constant and clipped stretches of raw signals, and which of them make a run unusable."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from python_transforms.ecg import transform_batch
from python_transforms.ecg.quality import USABLE_QUALITY, inspect, window_bounds
from synthetic.ecg import synthesize_runs
from tests.support.ecg_signals import regular_ecg

RATE = 500.0


def with_gap(start: int, length: int) -> np.ndarray:
    run = regular_ecg()
    run[start : start + length] = np.nan
    return run


@pytest.mark.parametrize("start", [0, 1234, 9900])
def test_gap_of_200_ms_is_interpolated_and_counted(start: int) -> None:
    found = inspect(with_gap(start, 100)[None], RATE)
    assert found.unusable_reason == [None]
    assert found.interpolated_sample_count[0] == 100
    assert found.longest_gap_ms[0] == 200
    assert np.isfinite(found.ready_mv).all()


def test_interpolation_is_a_straight_line() -> None:
    run = regular_ecg()
    run[1001:1011] = np.nan
    expected = np.linspace(run[1000], run[1011], 12)
    np.testing.assert_allclose(inspect(run[None], RATE).ready_mv[0, 1000:1012], expected)


@pytest.mark.parametrize("start", [0, 1234, 9899])
def test_longer_gap_makes_the_run_unusable(start: int) -> None:
    run = with_gap(start, 101)
    run[5000:5010] = np.nan
    found = inspect(run[None], RATE)
    assert found.unusable_reason == ["a gap of 202 ms is longer than 200 ms"]
    assert found.interpolated_sample_count[0] == 10
    assert found.raw_max_mv[0] == np.nanmax(run)


@pytest.mark.parametrize("rate", [100.0, 128.0, 250.0, 360.0, 500.0, 977.0, 1000.0, 2000.0])
def test_200_ms_is_the_limit_at_any_rate(rate: float) -> None:
    run = regular_ecg(rate)
    allowed = int(np.floor(0.2 * rate + 1e-6))
    for length, expected in ((allowed, True), (allowed + 1, False)):
        gapped = run.copy()
        gapped[1000 : 1000 + length] = np.nan
        assert (inspect(gapped[None], rate).unusable_reason == [None]) is expected


@pytest.mark.parametrize("length", [1024, 2048])
def test_flat_start_is_marked_and_counts_for_nothing(length: int) -> None:
    run = regular_ecg() + 2
    run[:length] = -0.005
    found = inspect(run[None], RATE)
    assert found.flat_start_sample_count[0] == length
    assert found.unusable_reason == [None]
    assert found.raw_min_mv[0] == run[length:].min() > 1
    assert found.constant_sample_count[0] == 0
    assert found.clipped_sample_count[0] == 0


def test_short_repeats_at_the_start_are_signal() -> None:
    run = regular_ecg()
    run[:100] = 0.5  # 200 ms: not longer
    found = inspect(run[None], RATE)
    assert found.flat_start_sample_count[0] == 0
    run[:101] = 0.5
    assert inspect(run[None], RATE).flat_start_sample_count[0] == 101


@settings(deadline=None)
@given(st.integers(0, 8000), st.integers(2, 1500))
def test_constant_stretch_is_counted_from_200_ms_on(start: int, length: int) -> None:
    run = regular_ecg()
    run[start : start + length] = 0.123456
    found = inspect(run[None], RATE)
    counted = found.constant_sample_count[0] + found.flat_start_sample_count[0]
    assert counted == (length if length > 100 else 0)


def test_clipped_stretches_are_found_at_both_rails() -> None:
    run = regular_ecg()
    clipped = np.clip(run, -0.1, 0.8)
    at_rails = ((run >= 0.8) | (run <= -0.1)).sum()
    found = inspect(np.stack([run, clipped]), RATE)
    assert found.clipped_sample_count[0] == 0
    assert 0.8 * at_rails < found.clipped_sample_count[1] <= at_rails


def test_coarse_steps_are_not_clipping() -> None:
    coarse = np.round(regular_ecg() / 0.005) * 0.005
    assert inspect(coarse[None], RATE).clipped_sample_count[0] == 0
    assert inspect(coarse[None], RATE).constant_sample_count[0] == 0


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (np.full(10_000, np.nan), "there is no sample: every value is missing"),
        (np.full(10_000, 1.5), "the signal is constant at 1.5 mV"),
        (np.zeros(10_000), "the signal is constant at 0 mV"),
        (1e7 * regular_ecg(), "values beyond ±1000000 mV are no ECG"),
        (
            np.append(np.full(9100, 0.3), regular_ecg()[:900]),
            "1.8 s of signal, the rest is flat; at least 2 s are needed",
        ),
    ],
    ids=["missing", "constant", "zero", "huge", "flat"],
)
def test_unusable_runs_say_why(run: np.ndarray, reason: str) -> None:
    good = regular_ecg()
    found = inspect(np.stack([good, run]), RATE)
    assert found.unusable_reason == [None, reason]
    np.testing.assert_array_equal(found.ready_mv, [good, np.zeros(10_000)])


def test_rate_below_50_hz_is_unusable() -> None:
    assert inspect(regular_ecg(40.0)[None], 40.0).unusable_reason == ["40 samples a second, at least 50 are needed"]


def test_infinite_values_are_the_loaders_to_reject() -> None:
    with pytest.raises(ValueError, match="infinite"):
        inspect(np.array([[np.inf, np.nan] + [0.0] * 1000]), RATE)


def with_noise(ecg_mv: np.ndarray, kind: str, snr_db: float, seed: int = 0) -> np.ndarray:
    """A run with noise of a known ratio to the variance of the signal."""
    noise = np.random.default_rng(seed).standard_normal(len(ecg_mv))
    if kind == "wander":
        noise = signal.sosfiltfilt(signal.butter(2, [0.05, 0.5], "bandpass", fs=RATE, output="sos"), noise)
    elif kind == "motion":
        noise = signal.sosfiltfilt(signal.butter(2, [1, 10], "bandpass", fs=RATE, output="sos"), noise)
    elif kind == "mains":
        noise = np.sin(2 * np.pi * 50 * np.arange(len(ecg_mv)) / RATE)
    return ecg_mv + noise * np.sqrt(ecg_mv.var() / noise.var() / 10 ** (snr_db / 10))


@pytest.mark.parametrize("kind", ["white", "motion", "wander", "mains"])
def test_quality_falls_as_noise_of_known_strength_is_added(kind: str) -> None:
    people = synthesize_runs(6, 10_000, RATE, seed=11)[0]
    ratios_db = (18, 12, 6, 0, -6, -12)
    noisy = [[with_noise(run, kind, ratio_db, seed) for seed, run in enumerate(people)] for ratio_db in ratios_db]
    runs = np.concatenate([people, *map(np.stack, noisy)])
    index = transform_batch(runs, RATE).features["quality_index"].reshape(-1, len(people))
    assert (np.diff(index.mean(axis=1)) < 0).all(), index
    # of a single person down to 0 dB: in what is mostly noise the index wavers about a low value
    assert (np.diff(index[:5], axis=0) < 0.01).all(), index
    if kind in ("white", "motion"):
        assert (index[0] > USABLE_QUALITY).all()
        assert (index[-1] < USABLE_QUALITY).all()
        assert index[-1].mean() < 0.5 * index[0].mean()


def test_each_window_has_a_quality_of_its_own() -> None:
    run = regular_ecg(seconds=36)
    run[5000:10_000] += 0.8 * np.random.default_rng(1).standard_normal(5000)
    batch = transform_batch(run[None], RATE)
    assert batch.window_quality.shape == (1, 4)
    assert batch.window_quality[0, 1] < 0.6 * batch.window_quality[0, [0, 2, 3]].min()
    assert batch.features["min_quality_index"][0] == batch.window_quality[0, 1]
    assert batch.features["quality_index"][0] == pytest.approx(batch.window_quality.mean())


@pytest.mark.parametrize(("seconds", "lengths"), [(2, [2]), (14.9, [14.9]), (20, [10, 10]), (26, [10, 10, 6])])
def test_windows_last_ten_seconds_but_for_the_last(seconds: float, lengths: list[float]) -> None:
    np.testing.assert_allclose(np.diff(window_bounds(round(seconds * RATE), RATE)) / RATE, lengths)


def test_no_beat_and_no_signal_have_no_quality() -> None:
    flat_in_between = regular_ecg(seconds=30)
    flat_in_between[5000:10_000] = 0.3
    quality = transform_batch(np.stack([flat_in_between, np.zeros(15_000)]), RATE).window_quality
    assert quality[0, 1] < 0.2
    assert np.isnan(quality[1]).all()
