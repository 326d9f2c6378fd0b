"""Statistics of the intervals between the beats of ECG runs."""

import numpy as np

from python_transforms.ecg.filtering import BoolArray, FloatArray, IntArray

# Task Force (1996): NN50 counts successive intervals that differ by more than 50 ms.
PNN_LIMIT_MS = 50.0


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
