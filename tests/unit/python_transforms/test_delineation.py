"""Waves of averaged and of single beats, on signals whose waves are known, and against NeuroKit2."""

import warnings
from itertools import pairwise

import numpy as np
import pytest

from python_transforms.ecg import BEAT_FIGURES, FEATURES, EcgBatch, beat_measurement, transform_batch
from python_transforms.ecg.beat_averages import SEGMENT_BEATS, segments
from tests.support.ecg_signals import WAVES, regular_ecg, synthetic_ecg

RATE = 500.0
P, R, T = WAVES[0], WAVES[2], WAVES[4]


def beats_of(batch: EcgBatch, row: int = 0) -> dict[str, np.ndarray]:
    ends = np.cumsum([len(index) for index in batch.r_peak_index])
    part = np.split(batch.beats, ends[:-1], axis=1)[row]
    return dict(zip(BEAT_FIGURES, part.astype(np.float64), strict=True))


def figures_of(ecg_mv: np.ndarray, rate: float = RATE) -> dict[str, float]:
    return {name: float(values[0]) for name, values in transform_batch(ecg_mv[None], rate).features.items()}


def beats_with(waves: list[tuple[float, float, float]], shifts_s: np.ndarray, noise_mv: float = 0.0) -> np.ndarray:
    """Even beats 0.9 s apart, the last wave of each moved by what is given for the beat."""
    time = np.arange(round(20 * RATE)) / RATE
    ecg_mv = noise_mv * np.random.default_rng(4).standard_normal(len(time))
    for number, r_time in enumerate(0.5 + 0.9 * np.arange(21)):
        for offset, width, height in (*waves[:-1], (waves[-1][0] + shifts_s[number], *waves[-1][1:])):
            ecg_mv += height * np.exp(-0.5 * np.square((time - r_time - offset) / width))
    return ecg_mv


@pytest.mark.parametrize("rate", [128.0, 250.0, 360.0, 500.0, 1000.0])
def test_waves_lie_where_they_were_put(rate: float) -> None:
    ecg_mv, _ = synthetic_ecg(np.full(40, 900.0), rate)
    found = figures_of(ecg_mv, rate)
    assert found["p_peak_ms"] == pytest.approx(1000 * P[0], abs=4)
    assert found["t_peak_ms"] == pytest.approx(1000 * T[0], abs=4)
    assert found["rt_interval_ms"] == pytest.approx(1000 * (T[0] - R[0]), abs=4)
    # a Gaussian is over, to the eye, between 2 and 3 widths from its middle
    for onset, peak, end, width in (("p_onset_ms", P[0], "p_end_ms", P[1]), ("t_onset_ms", T[0], "t_end_ms", T[1])):
        assert 1.8 <= (1000 * peak - found[onset]) / (1000 * width) <= 3.2
        assert 1.8 <= (found[end] - 1000 * peak) / (1000 * width) <= 3.2
    assert found["p_amplitude_mv"] == pytest.approx(P[2], abs=0.03)
    assert found["t_amplitude_mv"] == pytest.approx(T[2], abs=0.04)
    assert found["s_amplitude_mv"] < -0.1
    assert found["q_amplitude_mv"] < 0


def test_intervals_are_between_the_waves_that_bound_them() -> None:
    found = figures_of(regular_ecg(rr_ms=900))
    assert found["pr_interval_ms"] == pytest.approx(found["qrs_onset_ms"] - found["p_onset_ms"])
    assert found["qt_interval_ms"] == pytest.approx(found["t_end_ms"] - found["qrs_onset_ms"])
    assert found["qrs_duration_ms"] == pytest.approx(found["qrs_end_ms"] - found["qrs_onset_ms"])
    assert found["qtc_bazett_ms"] == pytest.approx(found["qt_interval_ms"] / np.sqrt(0.9), rel=1e-3)
    assert found["qtc_fridericia_ms"] == pytest.approx(found["qt_interval_ms"] / np.cbrt(0.9), rel=1e-3)


def test_a_longer_interval_reads_longer_by_as_much() -> None:
    found = []
    for later in (0.0, 0.03, 0.06):
        waves = [(P[0] - later, *P[1:]), *WAVES[1:4], (T[0] + later, *T[1:])]
        found.append(figures_of(beats_with(waves, np.zeros(21), 0.005)))
    for one, other in pairwise(found):
        assert other["pr_interval_ms"] - one["pr_interval_ms"] == pytest.approx(30, abs=6)
        assert other["qt_interval_ms"] - one["qt_interval_ms"] == pytest.approx(30, abs=6)
        assert other["qrs_duration_ms"] == pytest.approx(one["qrs_duration_ms"], abs=3)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_t_waves_may_point_either_way(sign: float) -> None:
    ecg_mv = beats_with([*WAVES[:4], (T[0], T[1], sign * T[2])], np.zeros(21), 0.005)
    found = figures_of(ecg_mv)
    assert found["t_peak_ms"] == pytest.approx(1000 * T[0], abs=5)
    assert found["t_amplitude_mv"] == pytest.approx(sign * T[2], abs=0.05)


def test_st_level_follows_a_raised_segment() -> None:
    levels = []
    for height in (0.0, 0.1, 0.2):
        raised = (0.12, 0.03, height)
        levels.append(figures_of(beats_with([*WAVES[:4], raised, T], np.zeros(21), 0.005))["st_level_mv"])
    assert levels[1] - levels[0] == pytest.approx(0.1, abs=0.03)
    assert levels[2] - levels[1] == pytest.approx(0.1, abs=0.03)


def test_without_a_p_wave_there_is_no_pr_interval() -> None:
    found = figures_of(beats_with([*WAVES[1:4], T], np.zeros(21), 0.02))
    assert np.isnan(found["pr_interval_ms"])
    assert np.isnan(found["p_peak_ms"])
    assert np.isfinite(found["qt_interval_ms"])


def test_the_r_wave_is_the_positive_deflection_also_where_s_is_larger() -> None:
    waves = [P, (-0.025, 0.010, 0.5), (0.0, 0.011, -1.0), T]
    batch = transform_batch(beats_with(waves, np.zeros(21), 0.005)[None], RATE)
    assert batch.features["is_inverted"][0]
    assert batch.features["r_wave_ms"][0] == pytest.approx(-25, abs=6)
    assert batch.features["rt_interval_ms"][0] == pytest.approx(1000 * T[0] + 25, abs=8)


@pytest.mark.parametrize("noise_mv", [0.0, 0.02])
def test_single_beats_follow_their_own_t_wave(noise_mv: float) -> None:
    shifts_s = np.random.default_rng(2).normal(0, 0.008, 21)
    beats = beats_of(transform_batch(beats_with(list(WAVES), shifts_s, noise_mv)[None], RATE))
    known = np.isfinite(beats["qt_interval_ms"])
    assert known.sum() >= 17
    found, true = beats["qt_interval_ms"][known], 1000 * shifts_s[known]
    error = (found - found.mean()) - (true - true.mean())
    assert np.sqrt(np.mean(np.square(error))) < (1.5 if noise_mv == 0 else 4.0)


def test_single_beats_follow_their_own_size() -> None:
    time = np.arange(round(20 * RATE)) / RATE
    sizes = np.random.default_rng(2).uniform(0.8, 1.2, 21)
    ecg_mv = 0.005 * np.random.default_rng(3).standard_normal(len(time))
    for size, r_time in zip(sizes, 0.5 + 0.9 * np.arange(21), strict=True):
        for offset, width, height in WAVES:
            ecg_mv += size * height * np.exp(-0.5 * np.square((time - r_time - offset) / width))
    beats = beats_of(transform_batch(ecg_mv[None], RATE))
    for name, height in (("p_amplitude_mv", P[2]), ("r_amplitude_mv", R[2]), ("t_amplitude_mv", T[2])):
        known = np.isfinite(beats[name])
        assert np.corrcoef(beats[name][known], sizes[known])[0, 1] > (0.9 if name == "p_amplitude_mv" else 0.99)
        assert np.median(beats[name][known] / sizes[known]) == pytest.approx(height, rel=0.25)


def test_beats_in_heavy_noise_have_no_times() -> None:
    clean, noisy = (
        beats_of(transform_batch(synthetic_ecg(np.full(40, 900.0), RATE, noise_mv=noise_mv)[0][None], RATE))
        for noise_mv in (0.01, 0.5)
    )
    assert np.isfinite(clean["pr_interval_ms"]).mean() > 0.85
    assert np.isfinite(noisy["pr_interval_ms"]).mean() < 0.2


@pytest.mark.parametrize("rate", [250.0, 500.0, 1000.0])
@pytest.mark.parametrize("duration_ms", [60, 80, 100, 120, 150])
def test_qrs_duration_grows_with_the_complex(duration_ms: int, rate: float) -> None:
    time = np.arange(round(20 * rate)) / rate
    ecg_mv = 0.005 * np.random.default_rng(0).standard_normal(len(time))
    for r_time in 1 + 0.8 * np.arange(22):
        for part, height in ((-0.375, -0.15), (0.0, 1.2), (0.375, -0.3)):  # Q, R and S fill the duration
            width = duration_ms / 1000 * (0.5 if part == 0 else 0.25)
            phase = (time - r_time - part * duration_ms / 1000) / width
            ecg_mv += height * np.where(np.abs(phase) < 0.5, np.cos(np.pi * phase) ** 2, 0)
    # the 40-Hz edge widens narrow complexes most
    assert figures_of(ecg_mv, rate)["qrs_duration_ms"] == pytest.approx(duration_ms + 10, abs=14)


def test_amplitude_is_taken_from_the_level_before_the_complex() -> None:
    ecg_mv = regular_ecg()
    upright, inverted = figures_of(ecg_mv), figures_of(-ecg_mv)
    assert upright["r_amplitude_mv"] == pytest.approx(1.0, abs=0.15)
    assert inverted["r_amplitude_mv"] == pytest.approx(-upright["r_amplitude_mv"])
    assert inverted["qrs_duration_ms"] == pytest.approx(upright["qrs_duration_ms"])


def test_fewer_than_three_whole_beats_have_no_waves() -> None:
    ecg_mv, r_times = synthetic_ecg(np.full(4, 900.0), RATE, seconds=2.7)
    assert len(r_times) == 3  # the last one is cut
    few = transform_batch(ecg_mv[None], RATE)
    for name in ("qt_interval_ms", "r_amplitude_mv", "signal_quality"):
        assert np.isnan(few.features[name][0])


def test_agrees_with_neurokit() -> None:
    nk = pytest.importorskip("neurokit2", reason="neurokit2 is the reference for delineation (extra dev)")
    rr = np.random.default_rng(5).normal(850, 30, 40)
    batch = transform_batch(synthetic_ecg(rr, RATE)[0][None], RATE)
    peaks = batch.r_peak_index[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, waves = nk.ecg_delineate(batch.filtered_mv[0], peaks, sampling_rate=int(RATE), method="dwt")
    beats = beats_of(batch)
    for ours, theirs, tolerance_ms in (
        ("p_peak_ms", "ECG_P_Peaks", 4),
        ("t_peak_ms", "ECG_T_Peaks", 4),
        ("p_onset_ms", "ECG_P_Onsets", 25),
        ("t_end_ms", "ECG_T_Offsets", 30),
    ):
        sample = np.array(waves[theirs], float)
        sample = sample[np.isfinite(sample)]
        nearest = np.searchsorted(peaks, sample, "left" if ours.startswith("p") else "right")
        nearest = nearest if ours.startswith("p") else nearest - 1
        expected = (sample - peaks[nearest.clip(0, len(peaks) - 1)]) * (1000 / RATE)
        assert np.nanmedian(beats[ours]) == pytest.approx(np.median(expected), abs=tolerance_ms), ours


def test_many_beats_are_gathered_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    runs = np.stack([synthetic_ecg(rng.normal(800, 40, 40), RATE, seed=seed)[0] for seed in range(5)])
    whole = transform_batch(runs, RATE)
    monkeypatch.setattr(beat_measurement, "GATHER_SAMPLES", 3000)  # a dozen beats
    pieces = transform_batch(runs, RATE)
    np.testing.assert_allclose(pieces.beats, whole.beats, rtol=1e-5)
    for name in FEATURES:
        np.testing.assert_allclose(pieces.features[name], whole.features[name], rtol=1e-9)


def test_long_runs_are_cut_into_segments_of_equal_length() -> None:
    run = np.repeat([0, 1, 2], [3, 10 * SEGMENT_BEATS, 1])
    segment = segments(run)
    assert (np.diff(segment) >= 0).all()
    assert set(np.diff(segment)) == {0, 1}
    np.testing.assert_array_equal(np.bincount(segment), [3, *[SEGMENT_BEATS] * 10, 1])
    assert len(segments(run[:0])) == 0


def test_the_figures_of_a_long_run_are_those_of_its_middle_segment() -> None:
    twenty_seconds = regular_ecg(250.0, seconds=20)  # 25 beats
    short, long = figures_of(twenty_seconds, 250.0), figures_of(np.tile(twenty_seconds, 40), 250.0)
    for name in ("pr_interval_ms", "qrs_duration_ms", "qt_interval_ms", "t_amplitude_mv"):
        assert long[name] == pytest.approx(short[name], rel=0.05), name
