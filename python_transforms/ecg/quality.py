"""Judge the quality of ECG signals: gaps, flat, constant and clipped stretches, and an index of how well beats show."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import fft

from python_transforms.ecg.artefacts import limit_steps
from python_transforms.ecg.filtering import MIN_DURATION_S, SLICE_SAMPLES, BoolArray, FloatArray, IntArray

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
# The index is given for windows of so much, the length that Clifford et al. (2012) and Zhao and Zhang (2018) judge.
WINDOW_S = 10.0
# Beats found in windows of this index and more are right: F1 99.8 % on noisy MIT-BIH records, 99.5 % close above the
# limit, 84 % below it (benchmarks/ecg_quality.py).
USABLE_QUALITY = 0.65
# An ECG of good quality has a kurtosis above 5 (Li et al. 2008), Gaussian noise one of 3.
NOISE_KURTOSIS, GOOD_KURTOSIS = 3.0, 5.0
# The band of the ECG, and the power to which its share of all is taken: of -12 dB of hum or wander, which the filter
# takes out, three quarters of the index remain, as do 99 % of the beats.
BAND_HZ = (1.0, 40.0)
BAND_EXPONENT = 0.1
# The spectrum is looked at up to half of about this rate: it shows hum of 50 and 60 Hz.
ANALYSIS_HZ = 125.0


@dataclass(frozen=True)
class RawQuality:
    """Hold the findings in raw runs, each array of shape ``(n_runs,)``, and the runs made ready for filtering.

    ``ready_mv`` has the shape of the input: short gaps interpolated, flat starts at the level of what follows, steps of
    artefacts limited, unusable runs all zero; the input itself where there are none.
    """

    ready_mv: FloatArray
    raw_min_mv: FloatArray
    raw_max_mv: FloatArray
    flat_start_sample_count: IntArray
    interpolated_sample_count: IntArray
    artefact_sample_count: IntArray
    longest_gap_ms: FloatArray
    constant_sample_count: IntArray
    clipped_sample_count: IntArray
    unusable_reason: list[str | None]


def inspect(ecg_mv: FloatArray, sampling_rate_hz: float) -> RawQuality:
    """Find gaps, flat starts, artefacts, constant and clipped stretches, and decide which runs can be used.

    Parameters
    ----------
    ecg_mv
        Raw signals in millivolts, NaN where samples are missing, shape ``(n_runs, n_samples)``.
    sampling_rate_hz
        Samples a second.

    Returns
    -------
    The findings, and the runs made ready for filtering.

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
    ready, artefacts = limit_steps(_with_level_start(filled, flat_start), sampling_rate_hz)
    return RawQuality(
        ready_mv=ready,
        raw_min_mv=low,
        raw_max_mv=high,
        flat_start_sample_count=flat_start,
        interpolated_sample_count=interpolated,
        artefact_sample_count=artefacts,
        longest_gap_ms=longest_gap.astype(np.float64) * (1000 / sampling_rate_hz),
        constant_sample_count=constant,
        clipped_sample_count=clipped,
        unusable_reason=reasons,
    )


def _with_level_start(ecg_mv: FloatArray, flat_start: IntArray) -> FloatArray:
    """Set each flat start to the level of what follows, so that it ends with no step."""
    rows = np.flatnonzero((flat_start > 0) & (flat_start < ecg_mv.shape[1]))
    if len(rows):
        ecg_mv = ecg_mv.copy()
        for row in rows:
            ecg_mv[row, : flat_start[row]] = ecg_mv[row, flat_start[row]]
    return ecg_mv


def window_bounds(n_samples: int, sampling_rate_hz: float) -> IntArray:
    """Return where each window of 10 s begins, and where the last ends, which takes what remains: 5 s or up to 15 s."""
    n_windows = max(1, round(n_samples / (WINDOW_S * sampling_rate_hz)))
    bounds: IntArray = np.append(np.arange(n_windows) * round(WINDOW_S * sampling_rate_hz), n_samples)
    return bounds


def window_quality(
    ecg_mv: FloatArray,
    filtered_mv: FloatArray,
    run: IntArray,
    index: IntArray,
    correlation: FloatArray,
    sampling_rate_hz: float,
) -> FloatArray:
    """Compute the signal quality index of each window of 10 s, from 0 to 1.

    It is the product of three published indices, each 1 at its best:

    - the mean correlation of the window's beats with the averaged beat, 0 without a beat (template matching,
      Orphanidou et al. 2015), which falls with all noise within the band of the filter;
    - the kurtosis of the filtered signal, 0 at that of Gaussian noise and 1 from 5 on (kSQI, Li et al. 2008): an ECG
      is mostly quiet with high peaks, noise is not, and where there is nothing but noise the averaged beat is made of
      it;
    - the tenth root of the share of the raw signal's power that lies between 1 and 40 Hz (basSQI of Clifford et al.
      2012, with an upper edge): what the filter takes out counts, but little, since beats are still found under it.

    Parameters
    ----------
    ecg_mv, filtered_mv
        Signals without gaps before and after the filter, shape ``(n_runs, n_samples)``.
    run, index, correlation
        Run and sample index of each beat, ordered by both, and its correlation with the averaged beat (NaN where it is
        not known), shape ``(n_beats,)``.
    sampling_rate_hz
        Samples a second.

    Returns
    -------
    Shape ``(n_runs, n_windows)``.

    References
    ----------
    Li, Q., Mark, R. G. and Clifford, G. D. (2008). Robust heart rate estimation from multiple asynchronous noisy
    sources using signal quality indices and a Kalman filter. Physiol. Meas. 29, 15-32.
    Clifford, G. D., Behar, J., Li, Q. and Rezek, I. (2012). Signal quality indices and data fusion for determining
    clinical acceptability of electrocardiograms. Physiol. Meas. 33, 1419-1433.
    Orphanidou, C. et al. (2015). Signal-quality indices for the electrocardiogram and photoplethysmogram. IEEE J.
    Biomed. Health Inform. 19, 832-838.
    Zhao, Z. and Zhang, Y. (2018). SQI quality evaluation mechanism of single-lead ECG signal based on simple heuristic
    fusion and fuzzy comprehensive evaluation. Front. Physiol. 9, 727.
    """
    n_runs, n_samples = ecg_mv.shape
    bounds = window_bounds(n_samples, sampling_rate_hz)
    n_windows = len(bounds) - 1
    is_known = np.isfinite(correlation)
    window = run[is_known] * n_windows + np.searchsorted(bounds[1:-1], index[is_known], "right")
    count = np.bincount(window, minlength=n_runs * n_windows)
    total = np.bincount(window, weights=correlation[is_known], minlength=n_runs * n_windows)
    alike = np.divide(total, count, out=np.zeros(len(count)), where=count > 0).reshape(n_runs, n_windows)
    quality: FloatArray = alike.clip(0, 1)
    for columns in _alike_windows(bounds, n_runs):
        first, last, n = bounds[columns.start], bounds[columns.stop], columns.stop - columns.start
        shape = (n_runs, n, (last - first) // n)
        kurtosis = _kurtosis(filtered_mv[:, first:last].reshape(shape), sampling_rate_hz)
        quality[:, columns] *= ((kurtosis - NOISE_KURTOSIS) / (GOOD_KURTOSIS - NOISE_KURTOSIS)).clip(0, 1)
        quality[:, columns] *= _share_in_band(ecg_mv[:, first:last].reshape(shape), sampling_rate_hz) ** BAND_EXPONENT
    return quality


def _alike_windows(bounds: IntArray, n_runs: int) -> Iterator[slice]:
    """Yield slices of windows of equal length that hold about ``SLICE_SAMPLES`` samples together."""
    lengths = np.diff(bounds)
    size = max(1, SLICE_SAMPLES // int(lengths[0] * max(1, n_runs)))
    n_equal = int((lengths == lengths[0]).sum())
    for start in range(0, n_equal, size):
        yield slice(start, min(start + size, n_equal))
    if n_equal < len(lengths):
        yield slice(n_equal, len(lengths))


def _kurtosis(filtered: FloatArray, sampling_rate_hz: float) -> FloatArray:
    """Divide the fourth moment by the squared second one, along the last axis; 0 of a constant."""
    squares = np.square(filtered[..., :: max(1, round(sampling_rate_hz / ANALYSIS_HZ))])
    second, fourth = squares.mean(axis=-1), np.square(squares).mean(axis=-1)
    kurtosis: FloatArray = np.divide(fourth, np.square(second), out=np.zeros(second.shape), where=second > 0)
    return kurtosis


def _share_in_band(raw: FloatArray, sampling_rate_hz: float) -> FloatArray:
    """Compute the share of the power, the mean aside, that lies in the band, along the last axis; 0 of a constant."""
    step = max(1, round(sampling_rate_hz / ANALYSIS_HZ))
    n_kept = raw.shape[-1] // step * step
    low = raw[..., 0:n_kept:step].copy()
    for offset in range(1, step):
        low += raw[..., offset:n_kept:step]
    low -= low.mean(axis=-1, keepdims=True)
    size = np.abs(low).max(axis=-1, keepdims=True)
    # of unit size, since the squares of a float32 reach no farther than 1e38
    low = np.divide(low, size, out=np.zeros_like(low), where=size > 0).astype(np.float32)
    n_total = fft.next_fast_len(low.shape[-1], real=True)
    spectrum = fft.rfft(low, n_total, axis=-1)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    first, last = (math.ceil(edge_hz * n_total * step / sampling_rate_hz) for edge_hz in BAND_HZ)
    inside, total = power[..., first : last + 1].sum(axis=-1), power.sum(axis=-1)
    share: FloatArray = np.divide(inside, total, out=np.zeros(total.shape), where=total > 0)
    return share


def _unusable_reason(
    sampling_rate_hz: float, longest_gap: int, n_samples: int, low_mv: float, high_mv: float, signal_s: float
) -> str | None:
    """Say why a run cannot be used, None if it can."""
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
    """Count the whole samples in a duration; the small part keeps 72 from being read as 71.999."""
    return int(duration_ms * sampling_rate_hz / 1000 + 1e-6)


def _fill_gaps(run: FloatArray, max_gap: int) -> tuple[int, int]:
    """Interpolate every gap of a run in place; return the samples in gaps of up to ``max_gap``, and the longest gap."""
    missing = np.isnan(run)
    lengths = _stretch_lengths(missing)
    if not missing.all():
        run[missing] = np.interp(np.flatnonzero(missing), np.flatnonzero(~missing), run[~missing])
    return int(lengths[lengths <= max_gap].sum()), int(lengths.max())


def _stretch_lengths(is_member: BoolArray) -> IntArray:
    """Return the lengths of the stretches of True."""
    members = np.flatnonzero(is_member)
    begins = np.flatnonzero(np.diff(members, prepend=-2) > 1)
    lengths: IntArray = np.diff(begins, append=len(members))
    return lengths


def _flat_start(filled: FloatArray, min_length: int) -> IntArray:
    """Count the samples that repeat each run's first value: at least ``min_length`` and not the whole run, else 0."""
    counts = np.zeros(len(filled), np.int64)
    head = filled[:, :min_length]
    for row in np.flatnonzero((head == head[:, :1]).all(axis=1)):
        differs = filled[row] != filled[row, 0]
        counts[row] = int(differs.argmax()) if differs.any() else 0
    return counts


def _may_have_constant(ecg_mv: FloatArray, min_length: int) -> IntArray:
    """Find the rows that may hold ``min_length`` equal samples, from a sample in every eighth part of that length."""
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
    """Count the samples of a run in stretches of at least ``min_length`` equal values."""
    lengths = _stretch_lengths(run[1:] == run[:-1]) + 1
    return int(lengths[lengths >= min_length].sum())


def _clipped_samples(
    ecg_mv: FloatArray, flat_start: IntArray, low: FloatArray, high: FloatArray, min_length: int
) -> IntArray:
    """Count the samples of each run in stretches of at least ``min_length`` at its lowest or highest value."""
    counts = np.zeros(len(ecg_mv), np.int64)
    for extremes in (low, high):
        # most runs touch their extremes once or twice: too rarely for a stretch
        is_often = np.count_nonzero(ecg_mv == extremes[:, None], axis=1) >= min_length
        for row in np.flatnonzero(is_often & (low < high)):
            lengths = _stretch_lengths(ecg_mv[row, flat_start[row] :] == extremes[row])
            counts[row] += lengths[lengths >= min_length].sum()
    return counts
