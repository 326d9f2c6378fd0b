"""The filter: its gain is the designed one, it moves nothing in time, and it equals scipy's on the mirrored signal."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from python_transforms.ecg import filtering
from python_transforms.ecg.filtering import bandpass, bandpass_sections, blocks, filter_runs, notch_sections
from tests.support.ecg_signals import regular_ecg

RATE = 500.0


def sine(frequency_hz: float, rate: float = RATE, seconds: float = 20.0) -> np.ndarray:
    return np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * rate)) / rate)


def amplitude(x: np.ndarray, frequency_hz: float, rate: float = RATE) -> float:
    """Of the part at one frequency, in the inner half of the signal."""
    inner = x[len(x) // 4 : -len(x) // 4]
    time = np.arange(len(x))[len(x) // 4 : -len(x) // 4] / rate
    return float(2 * abs(np.mean(inner * np.exp(-2j * np.pi * frequency_hz * time))))


@pytest.mark.parametrize("rate", [100.0, 250.0, 360.0, 500.0, 2000.0])
@pytest.mark.parametrize("frequency_hz", [0.2, 0.5, 1.0, 10.0, 30.0, 40.0, 48.0])
def test_gain_is_that_of_both_directions(frequency_hz: float, rate: float) -> None:
    _, response = signal.freqz_sos(bandpass_sections(rate), [frequency_hz], fs=rate)
    filtered = bandpass(sine(frequency_hz, rate), rate)
    assert amplitude(filtered, frequency_hz, rate) == pytest.approx(abs(response[0]) ** 2, abs=2e-3)


def test_passband_is_flat_and_stopband_is_gone() -> None:
    assert amplitude(bandpass(sine(10), RATE), 10) == pytest.approx(1, abs=0.005)
    assert amplitude(bandpass(sine(0.5), RATE), 0.5) == pytest.approx(0.5, abs=0.01)  # 3 dB each way
    assert amplitude(bandpass(sine(40), RATE), 40) == pytest.approx(0.5, abs=0.01)
    assert amplitude(bandpass(sine(0.1), RATE), 0.1) < 1e-3
    assert amplitude(bandpass(sine(120), RATE), 120) < 2e-3


def test_notch_takes_the_mains_and_leaves_its_neighbours() -> None:
    assert amplitude(bandpass(sine(50), RATE, notch_hz=50), 50) < 1e-3
    for frequency_hz in (10, 30, 46):
        plain = amplitude(bandpass(sine(frequency_hz), RATE), frequency_hz)
        notched = amplitude(bandpass(sine(frequency_hz), RATE, notch_hz=50), frequency_hz)
        assert notched == pytest.approx(plain, rel=0.08)


def test_nothing_moves_in_time() -> None:
    pulse = np.zeros(10_001)
    pulse[5000] = 1
    filtered = bandpass(pulse, RATE)
    assert filtered.argmax() == 5000
    np.testing.assert_allclose(filtered, filtered[::-1], atol=1e-9)


@pytest.mark.parametrize("n_samples", [1000, 9973, 10_000])  # 9973 is a prime, which no fast transform likes
def test_equals_sosfiltfilt_on_the_mirrored_signal(n_samples: int) -> None:
    x = regular_ecg()[:n_samples] + np.linspace(3, 4, n_samples)
    mirrored = np.pad(x, 20_000, mode="symmetric")
    sections = np.vstack([bandpass_sections(RATE), notch_sections(RATE, 50)])
    expected = signal.sosfiltfilt(sections, mirrored)[20_000:-20_000]
    filtered = bandpass(x, RATE, notch_hz=50)
    # a length without small factors is mirrored a few samples beyond its end, which the last second feels
    felt = 0 if n_samples in (1000, 10_000) else 500
    np.testing.assert_allclose(filtered[: n_samples - felt], expected[: n_samples - felt], atol=2e-3 if felt else 1e-9)
    np.testing.assert_allclose(filtered, expected, atol=0.02)


def test_offset_does_not_matter() -> None:
    x = regular_ecg()
    np.testing.assert_allclose(bandpass(x + 50_000, RATE), bandpass(x, RATE), atol=1e-8)


@settings(deadline=None)
@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3))
def test_filter_is_linear(a: float, b: float) -> None:
    x, y = sine(7, seconds=2), regular_ecg(seconds=2)
    both = bandpass(a * x + b * y, RATE)
    np.testing.assert_allclose(both, a * bandpass(x, RATE) + b * bandpass(y, RATE), atol=1e-9 * (1 + abs(a) + abs(b)))


def test_any_leading_shape_is_kept() -> None:
    x = np.stack([regular_ecg(seed=seed) for seed in range(6)]).reshape(2, 3, -1)
    filtered = bandpass(x, RATE)
    assert filtered.shape == x.shape
    np.testing.assert_allclose(filtered[1, 2], bandpass(x[1, 2], RATE), atol=1e-12)


def test_input_is_left_alone() -> None:
    x = regular_ecg()[None]
    before = x.copy()
    bandpass(x, RATE)
    filter_runs(x, RATE, first_sample=np.array([1000]))
    np.testing.assert_array_equal(x, before)


def test_band_beyond_nyquist_is_refused() -> None:
    with pytest.raises(ValueError, match="Nyquist"):
        bandpass(np.zeros(1000), 80.0)
    with pytest.raises(ValueError, match="sampling rate above 120 Hz"):
        bandpass(np.zeros(1000), 100.0, notch_hz=60)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
def test_rate_must_be_positive(rate: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        bandpass(np.zeros(1000), rate)


def test_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 s"):
        bandpass(np.zeros(999), RATE)
    assert bandpass(np.zeros(1000), RATE).shape == (1000,)


@pytest.mark.parametrize("mains_hz", [50.0, 60.0])
def test_hum_is_found_and_removed(mains_hz: float) -> None:
    runs = np.stack([regular_ecg(seed=1) + 0.1 * sine(mains_hz + 0.1), regular_ecg(seed=2)])
    filtered, mains = filter_runs(runs, RATE)
    np.testing.assert_array_equal(mains, [mains_hz, np.nan])
    # 0.1 Hz beside the notch's centre an eighth of it is left at 50 Hz by the notch, a third of that by the low-pass
    assert amplitude(filtered[0], mains_hz + 0.1) < 0.002


@pytest.mark.parametrize("phase", [0.0, 0.25, 0.5, 0.75])
def test_hum_is_found_whatever_its_phase_in_two_seconds(phase: float) -> None:
    time = np.arange(1000) / RATE
    run = regular_ecg(seconds=2) + 0.1 * np.sin(2 * np.pi * (50 * time + phase))
    assert filter_runs(run[None], RATE)[1][0] == 50


def test_white_noise_and_beats_alone_are_no_hum() -> None:
    rng = np.random.default_rng(3)
    runs = np.vstack([rng.standard_normal((40, 10_000)), [regular_ecg(rr_ms=rr) for rr in (333, 500, 1000, 1200)]])
    assert np.isnan(filter_runs(runs, RATE)[1]).all()
    assert np.isnan(filter_runs(rng.standard_normal((100, 1000)), RATE)[1]).mean() > 0.97


def test_given_mains_goes_for_every_run() -> None:
    filtered, mains = filter_runs(np.stack([sine(60), sine(10)]), RATE, mains_hz=60)
    np.testing.assert_array_equal(mains, [60, 60])
    assert amplitude(filtered[0], 60) < 1e-3
    assert np.isnan(filter_runs(sine(10, 100.0)[None], 100.0, mains_hz=60)[1]).all()  # not below Nyquist
    with pytest.raises(ValueError, match="expected 50, 60 or None"):
        filter_runs(np.zeros((1, 1000)), RATE, mains_hz=55)


def test_low_rates_have_no_room_for_the_high_edge() -> None:
    filtered, mains = filter_runs(sine(30, 80.0)[None], 80.0)
    assert amplitude(filtered[0], 30, 80.0) == pytest.approx(1, abs=0.01)
    assert np.isnan(mains[0])
    assert abs(filter_runs(np.full((1, 1600), 5.0), 80.0)[0]).max() < 1e-9


def test_what_lies_before_the_first_sample_is_not_read() -> None:
    x = regular_ecg()
    cut = bandpass(x[2000:], RATE)
    for before in (0.0, -100.0, 1e5):
        y = x.copy()
        y[:2000] = before
        filtered, _ = filter_runs(np.stack([x, y]), RATE, first_sample=np.array([0, 2000]))
        np.testing.assert_allclose(filtered[1, 2000:], cut, atol=1e-3)
        np.testing.assert_allclose(filtered[1, 3000:], cut[1000:], atol=1e-5)
        np.testing.assert_allclose(filtered[0], bandpass(x, RATE), atol=1e-12)


def test_long_recordings_are_filtered_in_blocks_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    rate = 100.0
    x = np.stack([regular_ecg(rate, seconds=100, seed=seed) for seed in (1, 2)]) + 0.1 * sine(30, rate, 100)
    whole, mains = filter_runs(x, rate)
    monkeypatch.setattr(filtering, "BLOCK_S", 20.0)
    assert len(list(blocks(x.shape[1], rate))) == 5
    in_blocks, mains_in_blocks = filter_runs(x, rate)
    np.testing.assert_allclose(in_blocks, whole, atol=1e-5)
    np.testing.assert_array_equal(mains_in_blocks, mains)


@settings(deadline=None)
@given(st.integers(1, 200_000), st.sampled_from([100.0, 128.0, 500.0]))
def test_blocks_keep_each_sample_once(n_samples: int, rate: float) -> None:
    parts = list(blocks(n_samples, rate))
    assert [0, *[kept.stop for _, kept in parts]] == [*[kept.start for _, kept in parts], n_samples]
    assert all(0 <= read.start <= kept.start < kept.stop <= read.stop <= n_samples for read, kept in parts)
