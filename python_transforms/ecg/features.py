"""Define the features of an ECG run, with unit and meaning, and compute the statistics of its intervals."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from python_transforms.ecg.filtering import BoolArray, FloatArray, IntArray

# Task Force (1996): NN50 counts successive intervals that differ by more than 50 ms.
PNN_LIMIT_MS = 50.0


@dataclass(frozen=True)
class FeatureDefinition:
    """Hold unit, meaning and warehouse type of a feature column."""

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
    "artefact_sample_count": FeatureDefinition(
        "samples", "Steps five times as steep as beats are, which were limited before the filter.", "BIGINT"
    ),
    "longest_gap_ms": FeatureDefinition("ms", "Longest stretch of missing samples, 0 without any."),
    "constant_sample_count": FeatureDefinition(
        "samples", "Samples in stretches of equal values longer than 200 ms, the flat start aside.", "BIGINT"
    ),
    "clipped_sample_count": FeatureDefinition(
        "samples", "Samples in stretches of 10 ms and more at the run's lowest or highest value.", "BIGINT"
    ),
    "is_inverted": FeatureDefinition("", "Whether the main deflection of the QRS complex points down.", "BOOLEAN"),
    "beat_count": FeatureDefinition("beats", "R peaks found.", "BIGINT"),
    "ectopic_beat_count": FeatureDefinition("beats", "Beats that came out of turn or with another shape.", "BIGINT"),
    "misdetected_beat_count": FeatureDefinition("beats", "R peaks that are probably none.", "BIGINT"),
    "nn_interval_count": FeatureDefinition("intervals", "Intervals between two normal beats (NN).", "BIGINT"),
    "heart_rate_bpm": FeatureDefinition("1/min", "60,000 over the mean NN interval."),
    "mean_nn_ms": FeatureDefinition("ms", "Mean NN interval."),
    "sdnn_ms": FeatureDefinition("ms", "Standard deviation of the NN intervals (n - 1)."),
    "rmssd_ms": FeatureDefinition("ms", "Root mean square of the differences of successive NN intervals."),
    "sdsd_ms": FeatureDefinition("ms", "Standard deviation of the differences of successive NN intervals (n - 1)."),
    "pnn50_pct": FeatureDefinition("%", "Share of the differences of successive NN intervals that exceed 50 ms."),
    "r_amplitude_mv": FeatureDefinition(
        "mV", "Median height of the R peaks above the level before the QRS complex, negative when inverted."
    ),
    "qrs_duration_ms": FeatureDefinition("ms", "Duration of the QRS complex of the averaged beat."),
    "pr_interval_ms": FeatureDefinition("ms", "From the onset of P to that of QRS, averaged beat."),
    "qt_interval_ms": FeatureDefinition("ms", "From the onset of QRS to the end of T, averaged beat."),
    "qtc_bazett_ms": FeatureDefinition("ms", "QT over the square root of the mean NN interval in s (Bazett 1920)."),
    "qtc_fridericia_ms": FeatureDefinition(
        "ms", "QT over the cube root of the mean NN interval in s (Fridericia 1920)."
    ),
    "rt_interval_ms": FeatureDefinition("ms", "From the peak of the R wave to that of T, averaged beat."),
    "p_onset_ms": FeatureDefinition("ms", "Onset of the P wave, from the R peak, averaged beat."),
    "p_peak_ms": FeatureDefinition("ms", "Peak of the P wave, from the R peak, averaged beat."),
    "p_end_ms": FeatureDefinition("ms", "End of the P wave, from the R peak, averaged beat."),
    "qrs_onset_ms": FeatureDefinition("ms", "Onset of the QRS complex, from the R peak, averaged beat."),
    "r_wave_ms": FeatureDefinition("ms", "Peak of the R wave, the positive deflection of QRS, from the R peak."),
    "qrs_end_ms": FeatureDefinition("ms", "End of the QRS complex (J), from the R peak, averaged beat."),
    "t_onset_ms": FeatureDefinition("ms", "Onset of the T wave, from the R peak, averaged beat."),
    "t_peak_ms": FeatureDefinition("ms", "Peak of the T wave, from the R peak, averaged beat."),
    "t_end_ms": FeatureDefinition("ms", "End of the T wave, from the R peak, averaged beat."),
    "p_amplitude_mv": FeatureDefinition("mV", "Height of P above the level before QRS, averaged beat."),
    "q_amplitude_mv": FeatureDefinition("mV", "Depth of Q below that level, at most 0, averaged beat."),
    "r_wave_amplitude_mv": FeatureDefinition("mV", "Height of the R wave above that level, averaged beat."),
    "s_amplitude_mv": FeatureDefinition("mV", "Depth of S below that level, at most 0, averaged beat."),
    "t_amplitude_mv": FeatureDefinition("mV", "Height of T above that level, averaged beat."),
    "st_level_mv": FeatureDefinition("mV", "Level 60 ms behind the J point above that before QRS, averaged beat."),
    "signal_quality": FeatureDefinition("", "Mean correlation of the beats with the averaged beat, up to 1."),
    "quality_index": FeatureDefinition("", "Signal quality index, 0 to 1: mean of the windows of 10 s."),
    "min_quality_index": FeatureDefinition("", "Lowest signal quality index of a window of 10 s."),
}


def rr_statistics(
    run: IntArray, index: IntArray, n_runs: int, sampling_rate_hz: float, is_nn: BoolArray | None = None
) -> dict[str, FloatArray]:
    """Compute heart rate and time-domain statistics of the normal intervals between successive beats (NN).

    Parameters
    ----------
    run, index
        Run and sample index of each beat, ordered by both, shape ``(n_beats,)``.
    n_runs
        Number of runs.
    sampling_rate_hz
        Samples a second.
    is_nn
        Whether the interval that ends at each beat is one between normal beats, shape ``(n_beats,)``; None if all are.

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
    counts = run[1:] == run[:-1]
    if is_nn is not None:
        counts &= is_nn[1:]
    intervals = np.diff(index)
    interval_run, interval = run[1:][counts], intervals[counts]
    # successive intervals share a beat: both end at neighbours
    is_successive = counts[1:] & counts[:-1]
    difference_run = run[2:][is_successive]
    difference = np.diff(intervals)[is_successive]
    interval_ms, difference_ms = interval * (1000 / sampling_rate_hz), difference * (1000 / sampling_rate_hz)
    # in samples, since 18 of them at 360 Hz are 50 ms and not more, whatever rounding makes of it
    exceeds = (np.abs(difference) * 1000 > PNN_LIMIT_MS * sampling_rate_hz).astype(np.float64)
    mean_nn = mean_by_run(interval_ms, interval_run, n_runs)
    return {
        "heart_rate_bpm": 60_000 / mean_nn,
        "mean_nn_ms": mean_nn,
        "sdnn_ms": _deviation_by_run(interval_ms, interval_run, n_runs),
        "rmssd_ms": np.sqrt(mean_by_run(np.square(difference_ms), difference_run, n_runs)),
        "sdsd_ms": _deviation_by_run(difference_ms, difference_run, n_runs),
        "pnn50_pct": 100 * mean_by_run(exceeds, difference_run, n_runs),
    }


def mean_by_run(values: FloatArray, run: IntArray, n_runs: int) -> FloatArray:
    """Compute the mean of each run's values, shape ``(n_runs,)``; NaN of none."""
    count = np.bincount(run, minlength=n_runs)
    total = np.bincount(run, weights=values, minlength=n_runs)
    mean: FloatArray = np.divide(total, count, out=np.full(n_runs, np.nan), where=count > 0)
    return mean


def _deviation_by_run(values: FloatArray, run: IntArray, n_runs: int) -> FloatArray:
    """Compute the standard deviation with ``n - 1``."""
    count = np.bincount(run, minlength=n_runs)
    squares = np.square(values - mean_by_run(values, run, n_runs)[run])
    total = np.bincount(run, weights=squares, minlength=n_runs)
    variance: FloatArray = np.divide(total, count - 1, out=np.full(n_runs, np.nan), where=count > 1)
    return np.sqrt(variance)


def median_by_run(values: FloatArray, run: IntArray, n_runs: int) -> FloatArray:
    """Compute the median of each run's known values, shape ``(n_runs,)``; NaN of none."""
    is_known = np.isfinite(values)
    values, run = values[is_known], run[is_known]
    count = np.bincount(run, minlength=n_runs)
    ordered = np.append(values[np.lexsort((values, run))], np.nan)
    start = np.cumsum(count) - count
    middle = (ordered[start + np.maximum(count - 1, 0) // 2] + ordered[start + count // 2]) / 2
    return np.where(count > 0, middle, np.nan)
