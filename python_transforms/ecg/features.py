"""Figures of an ECG run: heart rate, RR-interval statistics, R amplitude, QRS duration, signal quality."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import ndimage

from python_transforms.ecg.filtering import FloatArray, IntArray

# Task Force (1996): NN50 counts successive intervals that differ by more than 50 ms.
PNN_LIMIT_MS = 50.0
# The mean beat spans P wave to T wave at usual rates.
BEAT_BEFORE_S, BEAT_AFTER_S = 0.2, 0.4
# With fewer beats the mean beat is mostly each beat itself.
MIN_BEATS = 3
# Slope bounds of the QRS complex. On synthetic complexes of 60 to 150 ms after the 40-Hz low-pass they read 12 ± 4 ms
# too much; on 55 real runs the median is 80 ms, where NeuroKit2's wavelets have 85. A lower threshold meets noise.
SLOPE_WINDOW_S = 0.014
SLOPE_THRESHOLD = 0.08
# Steep parts belong to the QRS complex within 100 ms of R: half of the widest complexes.
STEEP_PART = 0.5
QRS_REACH_S = 0.1
# The level before the QRS complex is the mean of so much: the end of the PR segment.
LEVEL_S = 0.02
# Beats are gathered in pieces of about so many samples (8 MB): memory does not grow with a recording's length.
GATHER_SAMPLES = 1_000_000


@dataclass(frozen=True)
class FeatureDefinition:
    """Unit, meaning and warehouse type of a feature column."""

    unit: str
    description: str
    dtype: Literal["DOUBLE", "BIGINT", "BOOLEAN"] = "DOUBLE"


FEATURES: dict[str, FeatureDefinition] = {
    "raw_min_mv": FeatureDefinition("mV", "Lowest raw value after the flat start."),
    "raw_max_mv": FeatureDefinition("mV", "Highest raw value after the flat start."),
    "filtered_min_mv": FeatureDefinition("mV", "Lowest filtered value after the flat start."),
    "filtered_max_mv": FeatureDefinition("mV", "Highest filtered value after the flat start."),
    "mains_frequency_hz": FeatureDefinition("Hz", "Mains hum that was found (or given) and taken out: 50, 60 or null."),
    "flat_start_sample_count": FeatureDefinition(
        "samples", "Samples of a flat line that the run begins with; they count for nothing.", "BIGINT"
    ),
    "interpolated_sample_count": FeatureDefinition("samples", "Missing samples in gaps of up to 200 ms.", "BIGINT"),
    "longest_gap_ms": FeatureDefinition("ms", "Longest stretch of missing samples, 0 without any."),
    "constant_sample_count": FeatureDefinition(
        "samples", "Samples in stretches of equal values longer than 200 ms, the flat start aside.", "BIGINT"
    ),
    "clipped_sample_count": FeatureDefinition(
        "samples", "Samples in stretches of 10 ms and more at the run's lowest or highest value.", "BIGINT"
    ),
    "is_inverted": FeatureDefinition("", "Whether the main deflection of the QRS complex points down.", "BOOLEAN"),
    "beat_count": FeatureDefinition("beats", "R peaks found.", "BIGINT"),
    "heart_rate_bpm": FeatureDefinition("1/min", "60,000 over the mean interval between beats."),
    "mean_nn_ms": FeatureDefinition("ms", "Mean interval between successive R peaks."),
    "sdnn_ms": FeatureDefinition("ms", "Standard deviation of the intervals (n - 1)."),
    "rmssd_ms": FeatureDefinition("ms", "Root mean square of the differences of successive intervals."),
    "sdsd_ms": FeatureDefinition("ms", "Standard deviation of the differences of successive intervals (n - 1)."),
    "pnn50_pct": FeatureDefinition("%", "Share of the differences of successive intervals that exceed 50 ms."),
    "r_amplitude_mv": FeatureDefinition(
        "mV", "Median height of the R peaks above the level before the QRS complex, negative when inverted."
    ),
    "qrs_duration_ms": FeatureDefinition("ms", "Duration of the QRS complex of the mean beat."),
    "signal_quality": FeatureDefinition("", "Mean correlation of the beats with the mean beat, up to 1."),
}


def rr_statistics(run: IntArray, index: IntArray, n_runs: int, sampling_rate_hz: float) -> dict[str, FloatArray]:
    """Heart rate and time-domain statistics of the intervals between successive beats.

    Every interval counts as a normal one (NN): ectopic beats are not told apart yet.

    Parameters
    ----------
    run, index
        Run and sample index of each beat, ordered by both, shape ``(n_beats,)``.
    n_runs
        Number of runs.
    sampling_rate_hz
        Samples a second.

    Returns
    -------
    Arrays of shape ``(n_runs,)``. Mean NN and heart rate need one interval; SDNN, RMSSD and pNN50 two; SDSD three; NaN
    below that. pNN50 is the share among the successive differences, as hrv-analysis and pyHRV have it; NeuroKit2
    divides the same count by the number of intervals, which is one more.

    References
    ----------
    Task Force of the European Society of Cardiology and the North American Society of Pacing and Electrophysiology
    (1996). Heart rate variability: standards of measurement, physiological interpretation, and clinical use.
    Circulation 93, 1043-1065.
    """
    is_within_run = run[1:] == run[:-1]
    interval_run = run[1:][is_within_run]
    interval = np.diff(index)[is_within_run]
    is_successive = interval_run[1:] == interval_run[:-1]
    difference_run = interval_run[1:][is_successive]
    difference = np.diff(interval)[is_successive]
    interval_ms, difference_ms = interval * (1000 / sampling_rate_hz), difference * (1000 / sampling_rate_hz)
    # in samples, since 18 of them at 360 Hz are 50 ms and not more, whatever rounding makes of it
    exceeds = (np.abs(difference) * 1000 > PNN_LIMIT_MS * sampling_rate_hz).astype(np.float64)
    mean_nn = _mean_by_run(interval_ms, interval_run, n_runs)
    return {
        "heart_rate_bpm": 60_000 / mean_nn,
        "mean_nn_ms": mean_nn,
        "sdnn_ms": _deviation_by_run(interval_ms, interval_run, n_runs),
        "rmssd_ms": np.sqrt(_mean_by_run(np.square(difference_ms), difference_run, n_runs)),
        "sdsd_ms": _deviation_by_run(difference_ms, difference_run, n_runs),
        "pnn50_pct": 100 * _mean_by_run(exceeds, difference_run, n_runs),
    }


def beat_shape(
    filtered_mv: FloatArray, run: IntArray, index: IntArray, first_sample: IntArray, sampling_rate_hz: float
) -> dict[str, FloatArray]:
    """R amplitude, QRS duration and signal quality, from each run's beats and their mean.

    The mean beat leaves the run's noise behind in proportion to the square root of the number of beats. QRS duration
    is the time around its steepest part in which its slope (root mean square over 14 ms) stays above 8 % of the
    steepest. R amplitude is the median height of the R peaks above the mean beat's level just before its QRS onset.
    Signal quality is the mean correlation of the beats with the mean beat: its authors call an ECG usable from 0.66 on.

    Parameters
    ----------
    filtered_mv
        Filtered signals, shape ``(n_runs, n_samples)``.
    run, index
        Run and sample index of each beat, ordered by both, shape ``(n_beats,)``.
    first_sample
        Where each run's signal begins, shape ``(n_runs,)``.
    sampling_rate_hz
        Samples a second.

    Returns
    -------
    Arrays of shape ``(n_runs,)``, NaN where fewer than three beats lie wholly within the run.

    References
    ----------
    Orphanidou, C. et al. (2015). Signal-quality indices for the electrocardiogram and photoplethysmogram: derivation
    and applications to wireless monitoring. IEEE J. Biomed. Health Inform. 19, 832-838.
    Laguna, P., Jané, R. and Caminal, P. (1994). Automatic detection of wave boundaries in multilead ECG signals:
    validation with the CSE database. Comput. Biomed. Res. 27, 45-60 (bounds by a threshold on the slope).
    """
    n_runs, n_samples = filtered_mv.shape
    before, after = (round(seconds * sampling_rate_hz) for seconds in (BEAT_BEFORE_S, BEAT_AFTER_S))
    is_whole = (index - before >= first_sample[run]) & (index + after < n_samples)
    run, index = run[is_whole], index[is_whole]
    if len(run) == 0:
        return {name: np.full(n_runs, np.nan) for name in ("r_amplitude_mv", "qrs_duration_ms", "signal_quality")}
    offsets = np.arange(-before, after + 1)
    count = np.bincount(run, minlength=n_runs)
    has_beats = count >= MIN_BEATS
    step = max(1, GATHER_SAMPLES // len(offsets))
    parts = [slice(start, start + step) for start in range(0, len(run), step)]

    mean_beat = np.zeros((n_runs, len(offsets)))
    # every stretch of a beat's length in the runs laid end to end
    stretches = sliding_window_view(filtered_mv.reshape(-1), len(offsets))
    begin = run * n_samples + index - before
    for part in parts:
        beats = stretches[begin[part]]
        starts = np.flatnonzero(np.diff(run[part], prepend=-1))
        mean_beat[run[part][starts]] += np.add.reduceat(beats, starts, axis=0)
    mean_beat /= np.maximum(count, 1)[:, None]
    shape = mean_beat - mean_beat.mean(axis=1, keepdims=True)
    shape_norm = np.sqrt(np.square(shape).sum(axis=1))

    correlation = np.zeros(len(run))
    for part in parts:
        beats = stretches[begin[part]] if len(parts) > 1 else beats
        beats -= beats.mean(axis=1, keepdims=True)
        norm = np.sqrt(np.einsum("ij,ij->i", beats, beats)) * shape_norm[run[part]]
        product = np.einsum("ij,ij->i", beats, shape[run[part]])
        correlation[part] = np.divide(product, norm, out=np.zeros(len(norm)), where=norm > 0)

    onset, end = _qrs_bounds(mean_beat, before, sampling_rate_hz)
    level_width = max(1, round(LEVEL_S * sampling_rate_hz))
    columns = np.clip(onset[:, None] - np.arange(level_width), 0, None)
    level = np.take_along_axis(mean_beat, columns, axis=1).mean(axis=1)
    return {
        "r_amplitude_mv": np.where(has_beats, _median_by_run(filtered_mv[run, index], run, n_runs) - level, np.nan),
        "qrs_duration_ms": np.where(has_beats, (end - onset) * (1000 / sampling_rate_hz), np.nan),
        "signal_quality": np.where(has_beats, _mean_by_run(correlation, run, n_runs), np.nan),
    }


def _qrs_bounds(mean_beat: FloatArray, r_position: int, sampling_rate_hz: float) -> tuple[IntArray, IntArray]:
    """Column of the mean beat's QRS onset and of its end, shape ``(n_runs,)`` each."""
    step = np.square(np.diff(mean_beat, axis=1))
    slope = np.sqrt(ndimage.uniform_filter1d(step, max(1, round(SLOPE_WINDOW_S * sampling_rate_hz)), axis=1).clip(0))
    reach = round(QRS_REACH_S * sampling_rate_hz)
    near = slope[:, r_position - reach : r_position + reach]
    steepest = near.max(axis=1, keepdims=True)
    is_steep = near > STEEP_PART * steepest
    first = r_position - reach + is_steep.argmax(axis=1)
    last = r_position + reach - 1 - is_steep[:, ::-1].argmax(axis=1)
    is_quiet = slope <= SLOPE_THRESHOLD * steepest
    column = np.arange(slope.shape[1])
    onset = np.where(is_quiet & (column < first[:, None]), column, 0).max(axis=1)
    end = np.where(is_quiet & (column > last[:, None]), column, slope.shape[1] - 1).min(axis=1)
    return onset.astype(np.int64), end.astype(np.int64)


def _mean_by_run(values: FloatArray, run: IntArray, n_runs: int) -> FloatArray:
    count = np.bincount(run, minlength=n_runs)
    total = np.bincount(run, weights=values, minlength=n_runs)
    mean: FloatArray = np.divide(total, count, out=np.full(n_runs, np.nan), where=count > 0)
    return mean


def _deviation_by_run(values: FloatArray, run: IntArray, n_runs: int) -> FloatArray:
    """Standard deviation with ``n - 1``."""
    count = np.bincount(run, minlength=n_runs)
    squares = np.square(values - _mean_by_run(values, run, n_runs)[run])
    total = np.bincount(run, weights=squares, minlength=n_runs)
    variance: FloatArray = np.divide(total, count - 1, out=np.full(n_runs, np.nan), where=count > 1)
    return np.sqrt(variance)


def _median_by_run(values: FloatArray, run: IntArray, n_runs: int) -> FloatArray:
    count = np.bincount(run, minlength=n_runs)
    ordered = np.append(values[np.lexsort((values, run))], np.nan)
    start = np.cumsum(count) - count
    middle = (ordered[start + np.maximum(count - 1, 0) // 2] + ordered[start + count // 2]) / 2
    return np.where(count > 0, middle, np.nan)
