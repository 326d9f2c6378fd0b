"""The whole transform: a batch gives each run what it would get alone, and no run can stop it."""

import warnings
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from python_transforms.ecg import FEATURES, TRANSFORM_VERSION, EcgBatch, filtering, transform_batch
from tests.support.ecg_signals import regular_ecg, synthetic_ecg
from tests.support.hypothesis_profile import examples

RATE = 500.0


@pytest.fixture(autouse=True)
def _no_warning() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def hard_runs() -> dict[str, np.ndarray]:
    """One run of each kind that may come, 10 s at 500 Hz."""
    rng = np.random.default_rng(7)
    good = regular_ecg(seconds=10)
    flat_start, short_gap, long_gap, half_dead, spike = (good.copy() for _ in range(5))
    flat_start[:2048] = -0.005
    short_gap[1000:1050] = np.nan
    long_gap[1000:1200] = np.nan
    half_dead[2500:] = 0.1
    spike[3000] = 5000.0
    almost_flat = np.zeros(5000)
    almost_flat[::700] = 1e-300
    return {
        "good": good,
        "inverted": -good,
        "flat start": flat_start,
        "short gap": short_gap,
        "long gap": long_gap,
        "half dead": half_dead,
        "spike": spike,
        "all missing": np.full(5000, np.nan),
        "constant": np.full(5000, -3.0),
        "zero": np.zeros(5000),
        "noise": rng.standard_normal(5000),
        "slow sine": np.sin(2 * np.pi * 0.7 * np.arange(5000) / RATE),
        "ramp": np.linspace(-100, 100, 5000),
        "huge": 1e300 * good,
        "tiny": almost_flat,
        "clipped": np.clip(good, -0.1, 0.5),
        "steps": np.repeat(rng.integers(-3, 3, 10), 500).astype(float),
    }


def assert_same(one: EcgBatch, row: int, other: EcgBatch, other_row: int) -> None:
    np.testing.assert_allclose(one.filtered_mv[row], other.filtered_mv[other_row], atol=1e-9)
    np.testing.assert_array_equal(one.r_peak_index[row], other.r_peak_index[other_row])
    assert one.unusable_reason[row] == other.unusable_reason[other_row]
    assert one.is_usable[row] == other.is_usable[other_row]
    for name in FEATURES:
        np.testing.assert_allclose(one.features[name][row], other.features[name][other_row], rtol=1e-7, err_msg=name)


def test_every_kind_of_run_comes_through() -> None:
    runs = hard_runs()
    batch = transform_batch(np.stack(list(runs.values())), RATE)
    reasons = dict(zip(runs, batch.unusable_reason, strict=True))
    unusable = {"long gap", "all missing", "constant", "zero", "huge", "tiny", "steps"}
    assert {name for name, reason in reasons.items() if reason} == unusable
    for row, name in enumerate(runs):
        assert batch.is_usable[row] == (reasons[name] is None)
        assert np.isfinite(batch.filtered_mv[row]).all() == batch.is_usable[row]
        assert np.isnan(batch.filtered_mv[row]).all() == (not batch.is_usable[row])
        assert (np.diff(batch.r_peak_index[row]) > 0).all()
        assert batch.features["beat_count"][row] == len(batch.r_peak_index[row])
        if not batch.is_usable[row]:
            assert len(batch.r_peak_index[row]) == 0
            assert np.isnan(batch.features["heart_rate_bpm"][row])
            assert np.isnan(batch.features["filtered_max_mv"][row])


def test_columns_are_those_of_the_definitions() -> None:
    batch = transform_batch(np.stack([regular_ecg(seconds=10)]), RATE)
    kinds = {"DOUBLE": np.float64, "BIGINT": np.int64, "BOOLEAN": np.bool_}
    assert {name: values.dtype.type for name, values in batch.features.items()} == {
        name: kinds[definition.dtype] for name, definition in FEATURES.items()
    }
    assert all(definition.description.endswith(".") for definition in FEATURES.values())
    assert TRANSFORM_VERSION


@settings(max_examples=examples(15), deadline=None)
@given(st.lists(st.sampled_from(sorted(hard_runs())), min_size=1, max_size=8), st.sampled_from([None, 50.0, 60.0]))
def test_each_run_comes_out_as_it_would_alone(names: list[str], mains_hz: float | None) -> None:
    runs = hard_runs()
    together = transform_batch(np.stack([runs[name] for name in names]), RATE, mains_hz)
    for row, name in enumerate(names):
        assert_same(together, row, transform_batch(runs[name][None], RATE, mains_hz), 0)


def test_slices_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = np.stack(list(hard_runs().values()))
    whole = transform_batch(runs, RATE)
    monkeypatch.setattr(filtering, "SLICE_SAMPLES", 12_000)
    sliced = transform_batch(runs, RATE)
    for row in range(len(runs)):
        assert_same(whole, row, sliced, row)


def test_known_beats_give_known_figures() -> None:
    rr = np.tile([780.0, 820.0, 800.0, 860.0, 740.0], 8)
    ecg_mv, r_times = synthetic_ecg(rr, RATE)
    batch = transform_batch(np.stack([ecg_mv, -ecg_mv]), RATE)
    intervals = np.diff(r_times) * 1000
    for row in range(2):
        figures = {name: values[row] for name, values in batch.features.items()}
        assert figures["beat_count"] == len(r_times)
        assert figures["mean_nn_ms"] == pytest.approx(intervals.mean(), abs=0.5)
        assert figures["heart_rate_bpm"] == pytest.approx(60_000 / intervals.mean(), rel=1e-3)
        assert figures["sdnn_ms"] == pytest.approx(intervals.std(ddof=1), abs=1.5)
        assert figures["rmssd_ms"] == pytest.approx(np.sqrt(np.mean(np.diff(intervals) ** 2)), abs=2)
        assert figures["signal_quality"] > 0.99
    assert batch.features["is_inverted"].tolist() == [False, True]
    np.testing.assert_allclose(batch.features["r_amplitude_mv"], [1.0, -1.0], atol=0.15)


def test_flat_start_counts_for_nothing() -> None:
    ecg_mv, _ = synthetic_ecg(np.full(40, 800.0), RATE)
    ecg_mv = ecg_mv + 1.0  # so that the flat line lies far outside the signal
    ecg_mv[:2000] = -0.005
    whole = transform_batch(ecg_mv[None], RATE)
    rest = transform_batch(ecg_mv[None, 2000:], RATE)
    np.testing.assert_array_equal(whole.filtered_mv[0, :2000], 0)
    np.testing.assert_allclose(whole.filtered_mv[0, 2000:], rest.filtered_mv[0], atol=1e-3)
    np.testing.assert_array_equal(whole.r_peak_index[0], rest.r_peak_index[0] + 2000)
    assert whole.features["flat_start_sample_count"][0] == 2000
    for name in FEATURES.keys() - {"flat_start_sample_count"}:
        np.testing.assert_allclose(whole.features[name], rest.features[name], rtol=0.01, atol=1e-3, err_msg=name)


def test_no_runs_give_an_empty_batch() -> None:
    batch = transform_batch(np.zeros((0, 5000)), RATE)
    assert batch.filtered_mv.shape == (0, 5000)
    assert batch.r_peak_index == [] == batch.unusable_reason
    assert batch.is_usable.shape == (0,)
    assert all(values.shape == (0,) for values in batch.features.values())


def test_input_is_left_alone() -> None:
    runs = np.stack(list(hard_runs().values()))
    before = runs.copy()
    transform_batch(runs, RATE)
    np.testing.assert_array_equal(runs, before)


@pytest.mark.parametrize("rate", [0.5, 10.0, 49.0])
def test_rates_too_low_for_an_ecg_are_unusable(rate: float) -> None:
    runs = np.random.default_rng(1).standard_normal((2, max(1, round(20 * rate))))
    batch = transform_batch(runs, rate)
    assert batch.unusable_reason == [f"{rate:g} samples a second, at least 50 are needed"] * 2


@pytest.mark.parametrize("rate", [50.0, 64.0, 80.0, 81.0, 100.0, 125.0, 333.3, 2000.0, 10_000.0])
def test_any_rate_from_50_hz_on(rate: float) -> None:
    batch = transform_batch(regular_ecg(rate, seconds=10)[None], rate)
    assert batch.unusable_reason == [None]
    assert batch.features["heart_rate_bpm"][0] == pytest.approx(75, abs=0.5)


@pytest.mark.parametrize(
    ("ecg_mv", "rate", "mains_hz", "message"),
    [
        (np.zeros(5000), 500.0, None, "expected 2"),
        (np.zeros((1, 999)), 500.0, None, "at least 2 s"),
        (np.zeros((1, 0)), 500.0, None, "at least 2 s"),
        (np.zeros((1, 5000)), 0.0, None, "positive"),
        (np.zeros((1, 5000)), 500.0, 55.0, "50, 60"),
        (np.full((1, 5000), np.inf), 500.0, None, "infinite"),
    ],
)
def test_wrong_calls_say_what_was_expected(
    ecg_mv: np.ndarray, rate: float, mains_hz: float | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        transform_batch(ecg_mv, rate, mains_hz)
