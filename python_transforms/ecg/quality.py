"""What is wrong with a raw ECG signal before it is filtered: gaps, flat starts, constant and clipped stretches."""

from dataclasses import dataclass

import numpy as np

from python_transforms.ecg.filtering import MIN_DURATION_S, BoolArray, FloatArray, IntArray

# The slowest rate whose Nyquist frequency leaves room for the band of the QRS complex (8 to 20 Hz, beats.py).
MIN_SAMPLING_RATE_HZ = 50.0
# A longer gap may hide a QRS complex whole (they last 60 to 120 ms, wide ones 200 ms): it is not interpolated.
MAX_GAP_MS = 200.0
# Equal samples for longer than this are no signal: at steps of 0.005 mV the longest of 165 real runs is 78 ms.
MIN_FLAT_MS = 200.0
# A clipped stretch lies at the run's highest or lowest value for at least this long; the longest of 165 real runs is 4
# ms.
MIN_CLIPPED_MS = 10.0
MIN_CLIPPED_SAMPLES = 3
# 1 kV: no electrode shows it. It keeps squares of samples far from overflow.
MAX_AMPLITUDE_MV = 1e6
# The index is given for windows of so much (Zhao and Zhang 2018 and the PhysioNet/CinC challenge 2011 judge 10 s).
WINDOW_S = 10.0


@dataclass(frozen=True)
class RawQuality:
    """What was found in raw runs, each array of shape ``(n_runs,)``, and the runs made ready for filtering.

    ``filled_mv`` has the shape of the input: short gaps interpolated, unusable runs all zero; it is the input itself
    where there are none.
    """

    filled_mv: FloatArray
    raw_min_mv: FloatArray
    raw_max_mv: FloatArray
    flat_start_sample_count: IntArray
    interpolated_sample_count: IntArray
    longest_gap_ms: FloatArray
    constant_sample_count: IntArray
    clipped_sample_count: IntArray
    unusable_reason: list[str | None]


def inspect(ecg_mv: FloatArray, sampling_rate_hz: float) -> RawQuality:
    """Find gaps, flat starts, constant and clipped stretches, and decide which runs can be used.

    Parameters
    ----------
    ecg_mv
        Raw signals in millivolts, NaN where samples are missing, shape ``(n_runs, n_samples)``.
    sampling_rate_hz
        Samples a second.

    Raises
    ------
    ValueError
        If a value is infinite.
    """
    n_runs, n_samples = ecg_mv.shape
    is_finite = np.isfinite(ecg_mv).all(axis=1)
    if np.isinf(ecg_mv[~is_finite]).any():
        raise ValueError("the signals hold infinite values; a run that has them must be rejected before")
    max_gap = _samples(MAX_GAP_MS, sampling_rate_hz)
    min_flat = max(2, _samples(MIN_FLAT_MS, sampling_rate_hz) + 1)
    min_clipped = max(MIN_CLIPPED_SAMPLES, _samples(MIN_CLIPPED_MS, sampling_rate_hz))
    filled = ecg_mv if is_finite.all() else ecg_mv.copy()
    interpolated, longest_gap, constant = (np.zeros(n_runs, np.int64) for _ in range(3))
    for row in np.flatnonzero(~is_finite):
        short, longest = _fill_gaps(filled[row], max_gap)
        interpolated[row], longest_gap[row] = short, longest
    flat_start = _flat_start(filled, min_flat)
    for row in _may_have_constant(ecg_mv, min_flat):
        constant[row] = _constant_samples(ecg_mv[row, flat_start[row] :], min_flat)
    low, high = filled.min(axis=1), filled.max(axis=1)
    for row in np.flatnonzero(flat_start):
        low[row], high[row] = filled[row, flat_start[row] :].min(), filled[row, flat_start[row] :].max()
    clipped = _clipped_samples(ecg_mv, flat_start, low, high, min_clipped)
    reasons: list[str | None] = []
    for run in range(n_runs):
        signal_s = (n_samples - flat_start[run] - constant[run]) / sampling_rate_hz
        gap = int(longest_gap[run])
        reasons.append(_unusable_reason(sampling_rate_hz, gap, n_samples, low[run], high[run], signal_s))
    unusable = np.array([reason is not None for reason in reasons], bool)
    if unusable.any():
        filled = np.where(unusable[:, None], 0, filled)
    return RawQuality(
        filled_mv=filled,
        raw_min_mv=low,
        raw_max_mv=high,
        flat_start_sample_count=flat_start,
        interpolated_sample_count=interpolated,
        longest_gap_ms=longest_gap.astype(np.float64) * (1000 / sampling_rate_hz),
        constant_sample_count=constant,
        clipped_sample_count=clipped,
        unusable_reason=reasons,
    )


def window_bounds(n_samples: int, sampling_rate_hz: float) -> IntArray:
    """Where each window of 10 s begins, and where the last one ends: what remains, 5 s or up to 15 s."""
    n_windows = max(1, round(n_samples / (WINDOW_S * sampling_rate_hz)))
    bounds: IntArray = np.append(np.arange(n_windows) * round(WINDOW_S * sampling_rate_hz), n_samples)
    return bounds


def window_quality(
    ecg_mv: FloatArray, run: IntArray, index: IntArray, correlation: FloatArray, sampling_rate_hz: float
) -> FloatArray:
    """Signal quality index of each window of 10 s, from 0 to 1."""
    n_runs, n_samples = ecg_mv.shape
    bounds = window_bounds(n_samples, sampling_rate_hz)
    n_windows = len(bounds) - 1
    is_known = np.isfinite(correlation)
    window = run[is_known] * n_windows + np.searchsorted(bounds[1:-1], index[is_known], "right")
    count = np.bincount(window, minlength=n_runs * n_windows)
    total = np.bincount(window, weights=correlation[is_known], minlength=n_runs * n_windows)
    quality: FloatArray = np.divide(total, count, out=np.zeros(len(count)), where=count > 0).reshape(n_runs, n_windows)
    return quality


def _unusable_reason(
    sampling_rate_hz: float, longest_gap: int, n_samples: int, low_mv: float, high_mv: float, signal_s: float
) -> str | None:
    """Why a run cannot be used, None if it can."""
    if sampling_rate_hz < MIN_SAMPLING_RATE_HZ:
        return f"{sampling_rate_hz:g} samples a second, at least {MIN_SAMPLING_RATE_HZ:g} are needed"
    if longest_gap == n_samples:
        return "there is no sample: every value is missing"
    if longest_gap > _samples(MAX_GAP_MS, sampling_rate_hz):
        return f"a gap of {longest_gap * 1000 / sampling_rate_hz:.0f} ms is longer than {MAX_GAP_MS:.0f} ms"
    if max(-low_mv, high_mv) > MAX_AMPLITUDE_MV:
        return f"values beyond ±{MAX_AMPLITUDE_MV:.0f} mV are no ECG"
    if low_mv == high_mv:
        return f"the signal is constant at {low_mv:g} mV"
    if signal_s < MIN_DURATION_S:
        return f"{signal_s:.3g} s of signal, the rest is flat; at least {MIN_DURATION_S:g} s are needed"
    return None


def _samples(duration_ms: float, sampling_rate_hz: float) -> int:
    """Whole samples in a duration; the small part keeps 72 from being read as 71.999…"""
    return int(duration_ms * sampling_rate_hz / 1000 + 1e-6)


def _fill_gaps(run: FloatArray, max_gap: int) -> tuple[int, int]:
    """Interpolate every gap of a run in place; return the samples in gaps of up to ``max_gap``, and the longest gap."""
    missing = np.isnan(run)
    lengths = _stretch_lengths(missing)
    if not missing.all():
        run[missing] = np.interp(np.flatnonzero(missing), np.flatnonzero(~missing), run[~missing])
    return int(lengths[lengths <= max_gap].sum()), int(lengths.max())


def _stretch_lengths(is_member: BoolArray) -> IntArray:
    """Lengths of the stretches of True."""
    members = np.flatnonzero(is_member)
    begins = np.flatnonzero(np.diff(members, prepend=-2) > 1)
    lengths: IntArray = np.diff(begins, append=len(members))
    return lengths


def _flat_start(filled: FloatArray, min_length: int) -> IntArray:
    """How many samples repeat each run's first value, where that is ``min_length`` at least but not the whole run."""
    counts = np.zeros(len(filled), np.int64)
    head = filled[:, :min_length]
    for row in np.flatnonzero((head == head[:, :1]).all(axis=1)):
        differs = filled[row] != filled[row, 0]
        counts[row] = int(differs.argmax()) if differs.any() else 0
    return counts


def _may_have_constant(ecg_mv: FloatArray, min_length: int) -> IntArray:
    """Rows that may hold ``min_length`` equal samples, seen from every eighth part of that length."""
    step = max(1, min_length // 8)
    coarse = ecg_mv[:, ::step]
    same = coarse[:, 1:] == coarse[:, :-1]
    n_same = max(1, min_length // step - 1)
    if same.shape[1] < n_same:
        return np.arange(len(ecg_mv))
    count = np.cumsum(same, axis=1, dtype=np.int32)
    window = count[:, n_same - 1 :].copy()
    window[:, 1:] -= count[:, :-n_same]
    rows: IntArray = np.flatnonzero((window == n_same).any(axis=1))
    return rows


def _constant_samples(run: FloatArray, min_length: int) -> int:
    """Samples of a run in stretches of at least ``min_length`` equal values."""
    lengths = _stretch_lengths(run[1:] == run[:-1]) + 1
    return int(lengths[lengths >= min_length].sum())


def _clipped_samples(
    ecg_mv: FloatArray, flat_start: IntArray, low: FloatArray, high: FloatArray, min_length: int
) -> IntArray:
    """Samples of each run in stretches of at least ``min_length`` at its lowest or highest value."""
    counts = np.zeros(len(ecg_mv), np.int64)
    for extremes in (low, high):
        # most runs touch their extremes once or twice: too rarely for a stretch
        is_often = np.count_nonzero(ecg_mv == extremes[:, None], axis=1) >= min_length
        for row in np.flatnonzero(is_often & (low < high)):
            lengths = _stretch_lengths(ecg_mv[row, flat_start[row] :] == extremes[row])
            counts[row] += lengths[lengths >= min_length].sum()
    return counts
