"""R peaks: where they are known, whatever the rate, sign, scale, noise and length."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.noise import unit_noise
from benchmarks.r_peaks import Score
from python_transforms.ecg import filtering
from python_transforms.ecg.beats import detect_r_peaks
from tests.support.ecg_signals import WAVES, regular_ecg, synthetic_ecg
from tests.support.hypothesis_profile import examples


def assert_found(peaks: np.ndarray, r_times: np.ndarray, rate: float, within_s: float = 0.008) -> None:
    assert len(peaks) == len(r_times)
    assert np.abs(peaks / rate - r_times).max() <= max(within_s, 1 / rate)


@pytest.mark.parametrize("rate", [100.0, 128.0, 180.0, 250.0, 360.0, 500.0, 977.0, 1000.0, 2000.0])
@pytest.mark.parametrize("rr", [400.0, 800.0, 1400.0])
def test_beats_are_found_at_any_rate(rate: float, rr: float) -> None:
    intervals = np.random.default_rng(1).normal(rr, 0.04 * rr, 60)
    ecg_mv, r_times = synthetic_ecg(intervals, rate)
    assert_found(detect_r_peaks(ecg_mv[None], rate)[0], r_times, rate)


@settings(max_examples=examples(25), deadline=None)
@given(
    st.lists(st.floats(600, 1100), min_size=20, max_size=20),
    st.sampled_from([1.0, -1.0, 1000.0, -0.001]),
    st.floats(-50_000, 50_000),
)
def test_sign_scale_and_offset_do_not_matter(rr: list[float], gain: float, offset: float) -> None:
    ecg_mv, r_times = synthetic_ecg(np.array(rr), 500.0, seconds=12)
    peaks = detect_r_peaks(ecg_mv[None], 500.0)[0]
    assert_found(peaks, r_times, 500.0)
    np.testing.assert_array_equal(detect_r_peaks(gain * (ecg_mv[None] + offset), 500.0)[0], peaks)


def test_tall_t_waves_are_not_beats() -> None:
    ecg_mv, r_times = synthetic_ecg(np.full(30, 900.0), 500.0, noise_mv=0.005)
    time = np.arange(10_000) / 500
    for r_time in r_times:
        ecg_mv += 0.8 * np.exp(-0.5 * np.square((time - r_time - 0.28) / 0.04))
    assert_found(detect_r_peaks(ecg_mv[None], 500.0)[0], r_times, 500.0)


def test_small_beat_among_large_ones_is_found() -> None:
    ecg_mv, r_times = synthetic_ecg(np.full(30, 900.0), 500.0)
    middle = slice(round((r_times[10] - 0.2) * 500), round((r_times[10] + 0.4) * 500))
    ecg_mv[middle] *= 0.35
    assert_found(detect_r_peaks(ecg_mv[None], 500.0)[0], r_times, 500.0)


def test_wander_mains_and_noise_do_not_hide_beats() -> None:
    ecg_mv, r_times = synthetic_ecg(np.full(30, 700.0), 500.0, noise_mv=0.08)
    time = np.arange(10_000) / 500
    ecg_mv += 0.8 * np.sin(2 * np.pi * 0.25 * time) + 0.2 * np.sin(2 * np.pi * 50 * time)
    assert_found(detect_r_peaks(ecg_mv[None], 500.0)[0], r_times, 500.0, within_s=0.02)


def test_intervals_are_measured_from_like_to_like() -> None:
    """Where R and S are alike in size, the run sticks to one of them."""
    rng = np.random.default_rng(5)
    time = np.arange(10_000) / 500
    ecg_mv = 0.005 * rng.standard_normal(10_000)
    r_times = 0.5 + 0.8 * np.arange(24)
    for r_time in r_times:
        up, down = 1 + 0.15 * rng.standard_normal(2)
        ecg_mv += up * np.exp(-0.5 * np.square((time - r_time) / 0.01))
        ecg_mv -= down * np.exp(-0.5 * np.square((time - r_time - 0.04) / 0.01))
    peaks = detect_r_peaks(ecg_mv[None], 500.0)[0]
    assert len(peaks) == 24
    assert np.ptp(np.diff(peaks)) <= 4


def test_ectopic_beat_of_the_other_sign_is_taken_at_its_own_peak() -> None:
    ecg_mv, r_times = synthetic_ecg(np.full(30, 900.0), 500.0)
    around = slice(round((r_times[10] - 0.15) * 500), round((r_times[10] + 0.4) * 500))
    ecg_mv[around] *= -1.5
    assert_found(detect_r_peaks(ecg_mv[None], 500.0)[0], r_times, 500.0)


@pytest.mark.parametrize("scale", [0.2, 0.3, 0.5])
def test_beats_that_fade_for_a_while_are_found_by_their_shape(scale: float) -> None:
    ecg_mv, r_times = synthetic_ecg(np.full(60, 800.0), 360.0, noise_mv=0.01, seconds=40)
    faded = slice(round((r_times[20] - 0.4) * 360), round((r_times[24] - 0.4) * 360))
    ecg_mv[faded] *= scale
    assert_found(detect_r_peaks(ecg_mv[None], 360.0)[0], r_times, 360.0)


def test_spikes_between_beats_are_no_beats() -> None:
    """As high and as steep as a beat, but unlike the others and where none is missing."""
    ecg_mv, r_times = synthetic_ecg(np.full(40, 1000.0), 360.0, noise_mv=0.01, seconds=30)
    for r_time in r_times[5:25:4]:
        at = round((r_time + 0.55) * 360)
        ecg_mv[at : at + 8] += 0.8 * np.array([1, -1, 1, -1, 1, -1, 1, -1])
    assert_found(detect_r_peaks(ecg_mv[None], 360.0)[0], r_times, 360.0)


@pytest.mark.parametrize("seconds", [0.002, 0.01, 0.1, None])
@pytest.mark.parametrize("places_s", [(1.4,), (6.7,), (19.0,), (1.4, 3.0, 4.0), (2.2, 9.0, 18.1), (14.1, 16.0, 18.7)])
def test_spikes_and_jumps_hide_no_beat_beside_them(places_s: tuple[float, ...], seconds: float | None) -> None:
    """As in records 76/2 and 88/1 of ECG-ID: a loose plug, for a moment or for good."""
    ecg_mv = 0.3 * synthetic_ecg(np.full(30, 850.0), 500.0, noise_mv=0.02)[0]
    broken, before = ecg_mv.copy(), detect_r_peaks(ecg_mv[None], 500.0)[0]
    for place in places_s:
        broken[round(place * 500) : None if seconds is None else round((place + seconds) * 500)] -= 154
    apart = [peak for peak in before if all(not -0.5 < peak / 500 - place < 0.5 + (seconds or 0) for place in places_s)]
    found = detect_r_peaks(broken[None], 500.0)[0]
    assert len(apart) >= len(before) - 2 * len(places_s)
    assert np.isin(apart, found).all()
    assert len(found) <= len(before) + len(places_s)


def test_seconds_of_signal_in_a_dead_recording_are_no_artefact() -> None:
    ecg_mv, r_times = synthetic_ecg(np.full(30, 850.0), 500.0, noise_mv=0.001)
    dead = np.ones(10_000, bool)
    dead[4_000:7_000] = False
    ecg_mv[dead] = 0.001 * np.random.default_rng(3).standard_normal(dead.sum())
    found = detect_r_peaks(ecg_mv[None], 500.0)[0]
    inside = r_times[(r_times > 8.2) & (r_times < 13.8)]
    assert_found(found[(found > 4_100) & (found < 6_900)], inside, 500.0)


@pytest.mark.parametrize("every", [3, 4, 6])
@pytest.mark.parametrize("p_wave_mv", [0.1, 0.3, 0.5])
@pytest.mark.parametrize("rr_s", [0.7, 1.1])
def test_p_waves_without_a_qrs_complex_are_no_beats(rr_s: float, p_wave_mv: float, every: int) -> None:
    """A block of the second degree: every third to sixth P wave is not conducted, and half as high as R."""
    rng = np.random.default_rng(5)
    time = np.arange(40 * 360) / 360
    sinus = np.arange(0.5, 39.5, rr_s)
    sinus += rng.normal(0, 0.01, len(sinus))
    conducted = sinus[np.arange(len(sinus)) % every != every - 1]
    ecg_mv = rng.normal(0, 0.01, len(time))
    for offset, width, height in WAVES:
        is_p_wave = offset < -0.1
        for r_time in sinus if is_p_wave else conducted:
            wave = np.exp(-0.5 * np.square((time - r_time - offset) / width))
            ecg_mv += (p_wave_mv if is_p_wave else height) * wave
    assert_found(detect_r_peaks(ecg_mv[None], 360.0)[0], conducted, 360.0)


def test_premature_wide_beats_are_found() -> None:
    rng = np.random.default_rng(8)
    time = np.arange(60 * 360) / 360
    intervals = np.full(70, 0.9)
    ectopic = np.arange(6, 60, 9)
    intervals[ectopic - 1], intervals[ectopic] = 0.55, 1.25
    r_times = 0.6 + np.cumsum(intervals) - intervals[0]
    ecg_mv = 0.01 * rng.standard_normal(len(time))
    for beat, r_time in enumerate(r_times):
        is_wide = beat in ectopic
        width, height = (0.035, -1.2) if is_wide else (0.012, 1.0)
        ecg_mv += height * np.exp(-0.5 * np.square((time - r_time) / width))
        ecg_mv += (0.4 if is_wide else 0.2) * np.exp(-0.5 * np.square((time - r_time - 0.3) / 0.05))
    inside = r_times[r_times < 59.9]
    assert_found(detect_r_peaks(ecg_mv[None], 360.0)[0], inside, 360.0)


@pytest.mark.parametrize(("kind", "least_f1"), [("white", 94.0), ("muscle", 98.5), ("wander", 99.5), ("mains", 99.5)])
def test_noise_as_strong_as_the_signal(kind: str, least_f1: float) -> None:
    score = Score()
    for seed in range(12):
        intervals = np.random.default_rng(seed).normal(600 + 40 * seed, 30, 60)
        ecg_mv, r_times = synthetic_ecg(intervals, 360.0, noise_mv=0.0, seconds=20, seed=seed)
        ecg_mv += ecg_mv.std() * unit_noise(kind, len(ecg_mv), 360.0, seed)
        score.add(np.round(r_times * 360).astype(int), detect_r_peaks(ecg_mv[None], 360.0)[0], 0.15 * 360)
    assert score.f1 >= least_f1


def test_noise_alone_and_hardly_any_candidate_stop_nothing() -> None:
    rng = np.random.default_rng(3)
    for runs in (rng.standard_normal((20, 500)), np.eye(3, 1000), rng.standard_normal((2, 5000)).cumsum(axis=1)):
        for peaks in detect_r_peaks(runs, 250.0):
            assert (np.diff(peaks) > 0).all()


def test_a_complex_that_the_end_cuts_has_no_peak() -> None:
    ecg_mv = regular_ecg(seconds=20)
    peaks = detect_r_peaks(ecg_mv[None], 500.0)[0]
    upstroke = ecg_mv[: peaks[-1] - 6]
    np.testing.assert_array_equal(detect_r_peaks(upstroke[None], 500.0)[0], peaks[:-1])


def test_dead_stretch_holds_no_beats() -> None:
    ecg_mv = regular_ecg(seconds=60)
    ecg_mv[10_000:22_500] = 0.0  # 25 s without signal; its edges may ring
    peaks = detect_r_peaks(ecg_mv[None], 500.0)[0]
    assert not ((peaks > 10_100) & (peaks < 22_400)).any()
    assert (peaks < 10_000).sum() == 25


@pytest.mark.parametrize("seconds", [2.0, 2.5, 3.0, 5.0])
def test_short_runs(seconds: float) -> None:
    ecg_mv, r_times = synthetic_ecg(np.full(9, 700.0), 250.0, seconds=seconds)
    assert_found(detect_r_peaks(ecg_mv[None], 250.0)[0], r_times, 250.0)


def test_no_signal_no_beats() -> None:
    assert [len(peaks) for peaks in detect_r_peaks(np.zeros((3, 5000)), 500.0)] == [0, 0, 0]
    assert detect_r_peaks(np.zeros((0, 5000)), 500.0) == []
    only_middle = np.stack([np.zeros(10_000), regular_ecg(), np.zeros(10_000)])
    assert [len(peaks) for peaks in detect_r_peaks(only_middle, 500.0)] == [0, 25, 0]


def test_batch_gives_each_run_what_it_gets_alone() -> None:
    rng = np.random.default_rng(2)
    runs = np.stack(
        [synthetic_ecg(rng.normal(rr, 50, 60), 250.0, noise_mv=0.1, seed=rr)[0] for rr in range(500, 1100, 25)]
    )
    together = detect_r_peaks(runs, 250.0)
    for run, peaks in zip(runs, together, strict=True):
        np.testing.assert_array_equal(detect_r_peaks(run[None], 250.0)[0], peaks)


def test_long_recordings_are_searched_in_blocks_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    ecg_mv, r_times = synthetic_ecg(rng.normal(800, 40, 400), 250.0, seconds=240)
    whole = detect_r_peaks(ecg_mv[None], 250.0)[0]
    monkeypatch.setattr(filtering, "BLOCK_S", 30.0)
    np.testing.assert_array_equal(detect_r_peaks(ecg_mv[None], 250.0)[0], whole)
    assert_found(whole, r_times, 250.0)


@pytest.mark.parametrize(
    ("ecg_mv", "rate", "reason"),
    [
        (np.zeros(5000), 500.0, "the signals have 1 dimensions"),
        (np.zeros((2, 900)), 500.0, "expected at least 2 s"),
        (np.zeros((2, 5000)), 0.0, "expected a positive number"),
        (np.pad(np.zeros((1, 5000)), ((2, 0), (0, 1)), constant_values=np.nan), 500.0, "run 0 has a missing"),
        (np.array([np.zeros(5000), np.full(5000, np.inf)]), 500.0, "run 1 has a missing or infinite sample"),
    ],
)
def test_what_cannot_be_searched_is_refused(ecg_mv: np.ndarray, rate: float, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        detect_r_peaks(ecg_mv, rate)
