"""Delineate averaged heart beats: onsets, peaks and ends of the P wave, the QRS complex and the T wave.

Noise falls with the square root of the number of beats that are averaged. Times are counted from the R
peak, so those before it are negative. All segments are computed at once.

References
----------
Laguna, P., Jané, R. and Caminal, P. (1994). Automatic detection of wave boundaries in multilead ECG signals: validation
with the CSE database. Comput. Biomed. Res. 27, 45-60 (QRS bounds by a threshold on the slope).
Vázquez-Seisdedos, C. R. et al. (2011). New approach for T-wave end detection on electrocardiogram: performance in noisy
conditions. Biomed. Eng. Online 10, 77 (ends of a wave by the largest trapezium).
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from python_transforms.ecg.filtering import BoolArray, FloatArray, IntArray

# Slope bounds of the QRS complex. On synthetic complexes of 60 to 150 ms after the 40-Hz low-pass they read 12 ± 4 ms
# too much. A lower threshold meets noise.
SLOPE_WINDOW_S = 0.014
SLOPE_THRESHOLD = 0.08
# Steep parts belong to the QRS complex within 100 ms of R: half of the widest complexes.
STEEP_PART = 0.5
QRS_REACH_S = 0.1
# The isoelectric level is the mean of so much before the QRS complex: the end of the PR segment.
LEVEL_S = 0.02
# A positive deflection of this part of the complex is an R wave; below it the complex is a QS.
R_WAVE_PART = 0.1
# Peaks of P and T are taken after a Gaussian of 6 ms (standard deviation), which shows nothing of waves 100 ms wide.
PEAK_SMOOTHING_S = 0.006
# The T wave's peak lies between 60 ms behind the QRS complex and 60 % of the RR interval, at most 480 ms, behind R
# (171 to 303 ms in 163 runs of ECG-ID).
T_AFTER_QRS_S, T_MAX_S, T_MAX_RR = 0.06, 0.48, 0.6
# Both limbs of the T wave are looked for within so much of its peak, the far one before 85 % of the RR interval, where
# the next P wave begins.
T_REACH_S, T_END_MAX_RR = 0.16, 0.85
# The P wave's peak lies this far before the QRS complex; its limbs within so much of the peak.
P_MIN_S, P_MAX_S, P_REACH_S = 0.02, 0.22, 0.08
# A wave is there when it is this many standard errors of the averaged beat high.
WAVE_STANDARD_ERRORS = 4.0
# ST level: mean of 20 ms around 60 ms after the J point (Kligfield et al. 2007, Thygesen et al. 2018 use J to J + 80).
ST_AFTER_J_S, ST_HALF_WIDTH_S = 0.06, 0.01

FIDUCIALS = (
    "p_onset_ms",
    "p_peak_ms",
    "p_end_ms",
    "qrs_onset_ms",
    "qrs_end_ms",
    "t_onset_ms",
    "t_peak_ms",
    "t_end_ms",
)
INTERVALS = ("pr_interval_ms", "qrs_duration_ms", "qt_interval_ms")
AVERAGED_FIGURES = (
    *FIDUCIALS,
    *INTERVALS,
    "r_wave_ms",
    "rt_interval_ms",
    "p_amplitude_mv",
    "q_amplitude_mv",
    "r_wave_amplitude_mv",
    "s_amplitude_mv",
    "t_amplitude_mv",
    "st_level_mv",
)


@dataclass(frozen=True)
class AveragedBeats:
    """Hold the averaged beats of ``n`` segments on the grid, shape ``(n, n_columns)``; R is at column ``r_column``."""

    mean_mv: FloatArray
    standard_error_mv: FloatArray
    rr_s: FloatArray
    r_column: int
    grid_hz: float


@dataclass(frozen=True)
class _Wave:
    """Hold a P or T wave of each segment, in columns from the left, and how high it is; NaN where there is none."""

    onset: FloatArray
    peak: FloatArray
    end: FloatArray
    amplitude_mv: FloatArray


def fiducials(beats: AveragedBeats) -> dict[str, FloatArray]:
    """Find the waves of averaged beats.

    Parameters
    ----------
    beats
        Averaged beats of ``n`` segments.

    Returns
    -------
    Arrays of shape ``(n,)``: onset, peak and end of each wave in ms from R, the intervals between them, amplitudes in
    mV above the isoelectric level, and ``r_wave_ms``, the peak of the R wave in the sense of the nomenclature: the
    positive deflection. NaN where there is no such wave.
    """
    mean, r_column, rate = beats.mean_mv, beats.r_column, beats.grid_hz
    onset, end = _qrs_bounds(mean, r_column, rate)
    above = mean - _level_before(mean, onset, rate)[:, None]
    column = np.arange(mean.shape[1])
    is_qrs = (column >= onset[:, None]) & (column <= end[:, None])
    r_wave, q_mv, r_mv, s_mv = _qrs_waves(above, is_qrs, r_column)
    smooth = ndimage.gaussian_filter1d(above, PEAK_SMOOTHING_S * rate, axis=1)
    least_mv = WAVE_STANDARD_ERRORS * beats.standard_error_mv
    p = _p_wave(smooth, onset, rate, least_mv)
    t = _t_wave(smooth, end, beats.rr_s * rate, r_column, rate, least_mv)

    def ms(columns: FloatArray) -> FloatArray:
        return (columns - r_column) * (1000 / rate)

    return {
        "p_onset_ms": ms(p.onset),
        "p_peak_ms": ms(p.peak),
        "p_end_ms": ms(p.end),
        "qrs_onset_ms": ms(onset),
        "qrs_end_ms": ms(end),
        "t_onset_ms": ms(t.onset),
        "t_peak_ms": ms(t.peak),
        "t_end_ms": ms(t.end),
        "r_wave_ms": ms(r_wave),
        "p_amplitude_mv": p.amplitude_mv,
        "q_amplitude_mv": q_mv,
        "r_wave_amplitude_mv": r_mv,
        "s_amplitude_mv": s_mv,
        "t_amplitude_mv": t.amplitude_mv,
        "st_level_mv": _st_level(above, end, rate),
        "pr_interval_ms": (onset - p.onset) * (1000 / rate),
        "qrs_duration_ms": (end - onset) * (1000 / rate),
        "qt_interval_ms": (t.end - onset) * (1000 / rate),
        "rt_interval_ms": (t.peak - r_wave) * (1000 / rate),
    }


def _level_before(mean: FloatArray, onset: FloatArray, rate: float) -> FloatArray:
    """Average the last 20 ms before each onset (in columns)."""
    width = max(1, round(LEVEL_S * rate))
    columns = np.clip(onset[:, None].astype(np.int64) - np.arange(width), 0, None)
    level: FloatArray = np.take_along_axis(mean, columns, axis=1).mean(axis=1)
    return level


def _qrs_bounds(mean: FloatArray, r_column: int, rate: float) -> tuple[FloatArray, FloatArray]:
    """Find the columns, between samples, where the slope of the QRS complex exceeds its threshold first and last."""
    step = np.square(np.diff(mean, axis=1))
    slope = np.sqrt(ndimage.uniform_filter1d(step, max(1, round(SLOPE_WINDOW_S * rate)), axis=1).clip(0))
    reach = round(QRS_REACH_S * rate)
    near = slope[:, r_column - reach : r_column + reach]
    steepest = near.max(axis=1, keepdims=True)
    is_steep = near > STEEP_PART * steepest
    first = r_column - reach + is_steep.argmax(axis=1)
    last = r_column + reach - 1 - is_steep[:, ::-1].argmax(axis=1)
    threshold = SLOPE_THRESHOLD * steepest
    is_quiet = slope <= threshold
    column = np.arange(slope.shape[1])
    onset = np.where(is_quiet & (column < first[:, None]), column, 0).max(axis=1)
    end = np.where(is_quiet & (column > last[:, None]), column, slope.shape[1] - 1).min(axis=1)
    row = np.arange(len(mean))

    def crossing(quiet: IntArray, loud: IntArray) -> FloatArray:
        """Interpolate how far from the quiet column to the loud one beside it the threshold is reached."""
        low, high, limit = slope[row, quiet], slope[row, loud], threshold[:, 0]
        part: FloatArray = np.divide(limit - low, high - low, out=np.zeros(len(row)), where=high > low)
        return part.clip(0, 1)

    # a slope belongs to the middle between two samples
    onset_at = onset + 0.5 + crossing(onset, np.minimum(onset + 1, slope.shape[1] - 1))
    end_at = end + 0.5 - crossing(end, np.maximum(end - 1, 0))
    return onset_at, end_at


def _qrs_waves(
    above: FloatArray, is_qrs: BoolArray, r_column: int
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Find the column of the R wave, and amplitudes of Q, R and S, NaN for Q and S that do not go below the level."""
    column, row = np.arange(above.shape[1]), np.arange(len(above))
    inside = np.where(is_qrs, above, 0.0)
    top, bottom = inside.argmax(axis=1), inside.min(axis=1)
    height = inside[row, top]
    has_r = height > R_WAVE_PART * (height - bottom)
    r_column_of = np.where(has_r, top, r_column)
    r_at = np.where(has_r, _refined(above, top), float(r_column))
    before = np.where(is_qrs & (column < r_column_of[:, None]), above, 0.0).min(axis=1)
    behind = np.where(is_qrs & (column > r_column_of[:, None]), above, 0.0).min(axis=1)
    q_mv = np.where(has_r, before, np.nan)
    s_mv = np.where(has_r, behind, np.nan)
    return r_at, q_mv, np.where(has_r, height, np.nan), s_mv


def _p_wave(smooth: FloatArray, qrs_onset: FloatArray, rate: float, least_mv: FloatArray) -> _Wave:
    first, last = np.maximum(qrs_onset - P_MAX_S * rate, 1.0), qrs_onset - P_MIN_S * rate
    return _find_wave(smooth, (first, last), (np.zeros(len(smooth)), qrs_onset), P_REACH_S * rate, least_mv)


def _t_wave(
    smooth: FloatArray, qrs_end: FloatArray, rr: FloatArray, r_column: int, rate: float, least_mv: FloatArray
) -> _Wave:
    """Find the T wave; ``rr`` is the RR interval in columns."""
    n_columns = smooth.shape[1]
    first = qrs_end + T_AFTER_QRS_S * rate
    last = np.minimum(r_column + np.minimum(T_MAX_S * rate, T_MAX_RR * rr), n_columns - 2.0)
    latest = (r_column + T_END_MAX_RR * rr).clip(max=n_columns - 1.0)
    return _find_wave(smooth, (first, last), (qrs_end, latest), T_REACH_S * rate, least_mv)


def _find_wave(
    smooth: FloatArray,
    window: tuple[FloatArray, FloatArray],
    bounds: tuple[FloatArray, FloatArray],
    reach_columns: float,
    least_mv: FloatArray,
) -> _Wave:
    """Find the wave whose peak lies in a window and whose limbs, each within a reach of the peak, stay between bounds.

    It is there if its peak is at least so much higher than the higher one of its feet.
    """
    peak, sign = _wave_peak(smooth, *window)
    upright = smooth * sign[:, None]
    onset = _limb(upright, peak, np.maximum(peak - reach_columns, bounds[0]), -1, reach_columns)
    end = _limb(upright, peak, np.minimum(peak + reach_columns, bounds[1]), 1, reach_columns)
    foot = np.maximum(_at(upright, onset), _at(upright, end))
    is_there = np.isfinite(peak) & (_at(upright, peak) - foot > least_mv)
    onset, peak, end, amplitude_mv = (
        np.where(is_there, values, np.nan) for values in (onset, peak, end, _at(smooth, peak))
    )
    return _Wave(onset, peak, end, amplitude_mv)


def _wave_peak(smooth: FloatArray, first: FloatArray, last: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Find the column, between samples, of the largest wave between two columns; and whether it is up (1) or down (-1).

    A wave is what stands out from the straight line between both ends of its window; the peak is where it is highest.
    NaN where the window is empty.
    """
    n, n_columns = smooth.shape
    column, row = np.arange(n_columns), np.arange(n)
    low = np.ceil(first).clip(1, n_columns - 2).astype(np.int64)
    high = np.floor(last).clip(1, n_columns - 2).astype(np.int64)
    is_inside = (column >= low[:, None]) & (column <= high[:, None])
    left, right = smooth[row, low], smooth[row, high]
    width = np.maximum(high - low, 1)
    line = left[:, None] + ((right - left) / width)[:, None] * (column - low[:, None])
    bulge = np.where(is_inside, smooth - line, 0.0)
    sign = np.where(bulge.max(axis=1) >= -bulge.min(axis=1), 1.0, -1.0)
    signed = smooth * sign[:, None]
    at = np.where(is_inside, signed, -np.inf).argmax(axis=1)
    # at an end of the window it is the slope of another wave: then the top of what stands out
    is_end = (at == low) | (at == high)
    at = np.where(is_end, np.where(is_inside, bulge * sign[:, None], -np.inf).argmax(axis=1), at)
    peak = _refined(signed, at)
    peak[high - low < 2] = np.nan
    return peak, sign


def _refined(values: FloatArray, at: IntArray) -> FloatArray:
    """Refine the place of a maximum between samples: the top of the parabola through it and its neighbours."""
    row = np.arange(len(values))
    at = at.clip(1, values.shape[1] - 2)
    before, top, after = values[row, at - 1], values[row, at], values[row, at + 1]
    curve = before - 2 * top + after
    offset = np.divide(0.5 * (before - after), curve, out=np.zeros(len(at)), where=curve < 0)
    refined: FloatArray = at + offset.clip(-0.5, 0.5)
    return refined


def _limb(signed: FloatArray, peak: FloatArray, outer: FloatArray, side: int, reach_columns: float) -> FloatArray:
    """Find where a wave ends behind its peak (side 1) or begins before it (-1), no farther than the column ``outer``.

    It is the corner of the largest trapezium under the limb: the limb's steepest point, the outer column and a point
    between them span one with two right angles, whose area is largest where the limb has come down.
    """
    row = np.arange(len(signed))
    is_known = np.isfinite(peak) & np.isfinite(outer)
    start = np.where(is_known, peak, 0).round().astype(np.int64)
    length = np.where(is_known, np.abs(outer - start), 0)[:, None]
    # counted from the peak outwards, on either side
    step = np.arange(math.ceil(reach_columns) + 2)
    limb = signed[row[:, None], (start[:, None] + side * step).clip(0, signed.shape[1] - 1)]
    is_inside = step <= length
    steepest = np.where(is_inside, -np.gradient(limb, axis=1), -np.inf).argmax(axis=1)
    is_beyond = is_inside & (step > steepest[:, None])
    area = (limb[row, steepest][:, None] - limb) * (2 * length - step - steepest[:, None])
    corner = _refined(np.where(is_beyond, area, 0.0), np.where(is_beyond, area, -np.inf).argmax(axis=1))
    return np.where(is_known & is_beyond.any(axis=1), start + side * corner, np.nan)


def _at(values: FloatArray, column: FloatArray) -> FloatArray:
    """Take the values at the nearest columns; the first column's where the column is unknown."""
    nearest = np.nan_to_num(column).round().astype(np.int64).clip(0, values.shape[1] - 1)
    at_column: FloatArray = values[np.arange(len(values)), nearest]
    return at_column


def _st_level(above: FloatArray, qrs_end: FloatArray, rate: float) -> FloatArray:
    """Average the level of the ST segment; NaN where it is cut."""
    column = np.arange(above.shape[1])
    first = qrs_end + (ST_AFTER_J_S - ST_HALF_WIDTH_S) * rate
    is_st = (column >= first[:, None]) & (column <= first[:, None] + 2 * ST_HALF_WIDTH_S * rate)
    count = is_st.sum(axis=1)
    level: FloatArray = np.divide((above * is_st).sum(axis=1), count, out=np.full(len(above), np.nan), where=count > 0)
    return level
