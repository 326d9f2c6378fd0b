"""Delineates heart beats: onsets, peaks and ends of the P wave, the QRS complex and the T wave.

Beats of a run are averaged, in segments of some minutes, and the waves are found on the averaged beat, where noise has
left in proportion to the square root of the number of beats. What a single beat has of each wave is then estimated
against that average by least squares: how large it is and how far it lies from its usual place. That is the estimator
of least variance in white noise, needs no threshold on a noisy beat, and is a few products a beat. Its standard error
is known, and a beat whose error is too large has no value.

Times are counted from the R peak, so those before it are negative. All segments, and all beats, are computed at once.

References
----------
Laguna, P., Jané, R. and Caminal, P. (1994). Automatic detection of wave boundaries in multilead ECG signals: validation
with the CSE database. Comput. Biomed. Res. 27, 45-60 (QRS bounds by a threshold on the slope).
Vázquez-Seisdedos, C. R. et al. (2011). New approach for T-wave end detection on electrocardiogram: performance in noisy
conditions. Biomed. Eng. Online 10, 77 (ends of a wave by the largest trapezium).
Woody, C. D. (1967). Characterization of an adaptive filter for the analysis of variable latency neuroelectric signals.
Med. Biol. Eng. 5, 539-554; Berger, R. D. et al. (1997). Beat-to-beat QT interval variability. Circulation 96, 1557-1565
(single beats against a template).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import ndimage

from python_transforms.ecg.features import mean_by_run
from python_transforms.ecg.filtering import HIGH_HZ, BoolArray, FloatArray, IntArray

# Beats are looked at on a grid of about this rate: six times the filter's upper edge of 40 Hz.
GRID_HZ = 250.0
# A beat is cut from before the P wave of the longest normal PR interval (200 ms, and first-degree block beyond) to the
# end of the T wave at 50 beats a minute (QT 450 ms, and prolonged ones beyond).
BEFORE_S, AFTER_S = 0.36, 0.64
# Likeness of beats is taken over QRS complex and T wave: the P wave and the rest say little and carry the same noise.
ALIKE_BEFORE_S, ALIKE_AFTER_S = 0.2, 0.4
# With fewer beats the averaged beat is mostly each beat itself.
MIN_BEATS = 3
# A posture lasts minutes: beats are averaged over about 2 of them, a short run as a whole.
SEGMENT_BEATS = 128
# Beats are gathered in pieces of about so many samples (8 MB): memory does not grow with a recording's length.
GATHER_SAMPLES = 1_000_000

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
# A beat's own wave: within so much of its usual place, and not without this part of its usual size.
P_SHIFT_S, T_SHIFT_S, MIN_GAIN = 0.03, 0.05, 0.3
# A time of a single beat with a larger standard error says less than the average does.
MAX_STANDARD_ERROR_S = 0.01
# A QRS complex is at most this much wider or narrower than the usual one, or it is another kind of beat.
MAX_STRETCH = 0.3
# One tenth of 90 ms, the duration of a QRS complex, is about the error that a time may have.
MAX_STRETCH_ERROR = 0.1

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
BEAT_COLUMNS = (
    *FIDUCIALS,
    *INTERVALS,
    "p_amplitude_mv",
    "r_amplitude_mv",
    "t_amplitude_mv",
    "st_level_mv",
)
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
    """Averaged beats of ``n`` segments on the grid, shape ``(n, n_columns)``; R lies at column ``r_column``."""

    mean_mv: FloatArray
    standard_error_mv: FloatArray
    rr_s: FloatArray
    r_column: int
    grid_hz: float


def grid_step(sampling_rate_hz: float) -> int:
    """Samples from one column of the grid to the next."""
    return max(1, round(sampling_rate_hz / GRID_HZ))


def segments(run: IntArray) -> IntArray:
    """Number the segments of successive beats, of about equal length, that each run is cut into.

    Parameters
    ----------
    run
        Run of each beat, ascending, shape ``(n_beats,)``.

    Returns
    -------
    Segment of each beat, from 0, ascending, shape ``(n_beats,)``.
    """
    if len(run) == 0:
        return np.zeros(0, np.int64)
    starts = np.flatnonzero(np.diff(run, prepend=-1))
    count = np.diff(starts, append=len(run))
    n_segments = np.maximum(1, np.round(count / SEGMENT_BEATS)).astype(np.int64)
    first = np.cumsum(n_segments) - n_segments
    position = np.arange(len(run)) - np.repeat(starts, count)
    segment: IntArray = np.repeat(first, count) + position * np.repeat(n_segments, count) // np.repeat(count, count)
    return segment


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
    n, n_columns = mean.shape
    column = np.arange(n_columns)
    onset, end = _qrs_bounds(mean, r_column, rate)
    level = level_before(mean, onset, rate)
    above = mean - level[:, None]
    smooth = ndimage.gaussian_filter1d(above, PEAK_SMOOTHING_S * rate, axis=1)
    is_qrs = (column >= onset[:, None]) & (column <= end[:, None])
    r_wave, q_mv, r_mv, s_mv = _qrs_waves(above, is_qrs, r_column)

    rr = beats.rr_s * rate
    t_first = end + T_AFTER_QRS_S * rate
    t_last = np.minimum(r_column + np.minimum(T_MAX_S * rate, T_MAX_RR * rr), n_columns - 2.0)
    t_peak, t_sign = _wave_peak(smooth, t_first, t_last)
    t_reach = np.minimum(t_peak + T_REACH_S * rate, r_column + T_END_MAX_RR * rr).clip(max=n_columns - 1.0)
    upright = smooth * t_sign[:, None]
    t_end = _limb(upright, t_peak, t_reach, 1, T_REACH_S * rate)
    t_onset = _limb(upright, t_peak, np.maximum(t_peak - T_REACH_S * rate, end), -1, T_REACH_S * rate)
    p_last = onset - P_MIN_S * rate
    p_peak, p_sign = _wave_peak(smooth, np.maximum(onset - P_MAX_S * rate, 1.0), p_last)
    upright = smooth * p_sign[:, None]
    p_end = _limb(upright, p_peak, np.minimum(p_peak + P_REACH_S * rate, onset), 1, P_REACH_S * rate)
    p_onset = _limb(upright, p_peak, np.maximum(p_peak - P_REACH_S * rate, 0.0), -1, P_REACH_S * rate)

    least = WAVE_STANDARD_ERRORS * beats.standard_error_mv
    t_mv, p_mv = _at(smooth, t_peak), _at(smooth, p_peak)
    for sign, peak, first, last in ((t_sign, t_peak, t_onset, t_end), (p_sign, p_peak, p_onset, p_end)):
        foot = np.maximum(_at(smooth, first) * sign, _at(smooth, last) * sign)
        is_there = _at(smooth, peak) * sign - foot > least
        for times in (peak, first, last):
            times[~is_there] = np.nan
    t_mv[np.isnan(t_peak)] = np.nan
    p_mv[np.isnan(p_peak)] = np.nan

    st_first = end + (ST_AFTER_J_S - ST_HALF_WIDTH_S) * rate
    is_st = (column >= st_first[:, None]) & (column <= st_first[:, None] + 2 * ST_HALF_WIDTH_S * rate)
    count = is_st.sum(axis=1)
    st_mv = np.divide((above * is_st).sum(axis=1), count, out=np.full(n, np.nan), where=count > 0)

    def ms(columns: FloatArray) -> FloatArray:
        return (columns - r_column) * (1000 / rate)

    return {
        "p_onset_ms": ms(p_onset),
        "p_peak_ms": ms(p_peak),
        "p_end_ms": ms(p_end),
        "qrs_onset_ms": ms(onset),
        "qrs_end_ms": ms(end),
        "t_onset_ms": ms(t_onset),
        "t_peak_ms": ms(t_peak),
        "t_end_ms": ms(t_end),
        "r_wave_ms": ms(r_wave),
        "p_amplitude_mv": p_mv,
        "q_amplitude_mv": q_mv,
        "r_wave_amplitude_mv": r_mv,
        "s_amplitude_mv": s_mv,
        "t_amplitude_mv": t_mv,
        "st_level_mv": st_mv,
        "pr_interval_ms": (onset - p_onset) * (1000 / rate),
        "qrs_duration_ms": (end - onset) * (1000 / rate),
        "qt_interval_ms": (t_end - onset) * (1000 / rate),
        "rt_interval_ms": (t_peak - r_wave) * (1000 / rate),
    }


def level_before(mean: FloatArray, onset: FloatArray, rate: float) -> FloatArray:
    """Mean of the last 20 ms before each onset (in columns)."""
    width = max(1, round(LEVEL_S * rate))
    columns = np.clip(onset[:, None].astype(np.int64) - np.arange(width), 0, None)
    level: FloatArray = np.take_along_axis(mean, columns, axis=1).mean(axis=1)
    return level


def _qrs_bounds(mean: FloatArray, r_column: int, rate: float) -> tuple[FloatArray, FloatArray]:
    """Columns, between samples, in which the slope of the QRS complex rises above its threshold and falls below it."""
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
        """How far, from the quiet column to the loud one beside it, the threshold is reached."""
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
    """Column of the R wave, and amplitudes of Q, R and S, NaN for Q and S that do not go below the level."""
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


def _wave_peak(smooth: FloatArray, first: FloatArray, last: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Column, between samples, of the largest wave between two columns, and whether it points up (1) or down (-1).

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
    """Place of a maximum between samples: the top of the parabola through it and its neighbours."""
    row = np.arange(len(values))
    at = at.clip(1, values.shape[1] - 2)
    before, top, after = values[row, at - 1], values[row, at], values[row, at + 1]
    curve = before - 2 * top + after
    offset = np.divide(0.5 * (before - after), curve, out=np.zeros(len(at)), where=curve < 0)
    refined: FloatArray = at + offset.clip(-0.5, 0.5)
    return refined


def _limb(signed: FloatArray, peak: FloatArray, outer: FloatArray, side: int, reach_columns: float) -> FloatArray:
    """Where a wave ends behind its peak (side 1) or begins before it (-1), no farther than the column ``outer``.

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
    """Values at the nearest columns; the first column's where the column is unknown."""
    nearest = np.nan_to_num(column).round().astype(np.int64).clip(0, values.shape[1] - 1)
    found: FloatArray = values[np.arange(len(values)), nearest]
    return found


@dataclass(frozen=True)
class MeasuredBeats:
    """What was measured of all beats of a batch, and of the averaged beats of its segments.

    Attributes
    ----------
    correlation
        Correlation of each beat with the averaged beat of its segment, shape ``(n_beats,)``; NaN for a beat that does
        not lie wholly within its run, or whose segment has too few.
    is_normal
        Which beats the averages are of, shape ``(n_beats,)``.
    beat
        For each name in ``BEAT_COLUMNS`` an array of shape ``(n_beats,)``; NaN where the beat does not show it.
    averaged
        For each figure of :func:`fiducials` an array of shape ``(n_segments,)``.
    segment_run
        Run of each segment, ascending.
    """

    correlation: FloatArray
    is_normal: BoolArray
    beat: dict[str, FloatArray]
    averaged: dict[str, FloatArray]
    segment_run: IntArray


def measure_beats(
    filtered_mv: FloatArray,
    run: IntArray,
    index: IntArray,
    rr_ms: FloatArray,
    may_be_normal: BoolArray,
    first_sample: IntArray,
    sampling_rate_hz: float,
    least_correlation: float,
) -> MeasuredBeats:
    """Average the normal beats of each segment, delineate the average, and measure each beat against it.

    Parameters
    ----------
    filtered_mv
        Filtered signals, shape ``(n_runs, n_samples)``.
    run, index, rr_ms, may_be_normal
        Run and sample index of each beat, the interval from the beat before, and whether it may be counted as normal,
        ordered by run and index, shape ``(n_beats,)``.
    first_sample
        Where each run's signal begins, shape ``(n_runs,)``.
    sampling_rate_hz
        Samples a second.
    least_correlation
        A beat that is less like the average of all is not normal.
    """
    n_samples = filtered_mv.shape[1]
    step = grid_step(sampling_rate_hz)
    grid_hz = sampling_rate_hz / step
    before, after = round(BEFORE_S * grid_hz), round(AFTER_S * grid_hz)
    n_columns = before + after + 1
    of_segment = segments(run)
    n_segments = int(of_segment[-1]) + 1 if len(run) else 0
    segment_run = np.zeros(n_segments, np.int64)
    segment_run[of_segment] = run
    begin = index - before * step
    whole = np.flatnonzero((begin >= first_sample[run]) & (index + after * step < n_samples))
    whole = whole[np.bincount(of_segment[whole], minlength=n_segments)[of_segment[whole]] >= MIN_BEATS]
    found = MeasuredBeats(
        correlation=np.full(len(run), np.nan),
        is_normal=may_be_normal.copy(),
        beat={name: np.full(len(run), np.nan) for name in BEAT_COLUMNS},
        averaged={name: np.full(n_segments, np.nan) for name in AVERAGED_FIGURES},
        segment_run=segment_run,
    )
    if len(whole) == 0:
        return found
    counted = np.isfinite(rr_ms)
    rr_s = mean_by_run(rr_ms[counted] / 1000, of_segment[counted], n_segments)
    # every stretch of a beat's length in the runs laid end to end, on the grid
    stretches = sliding_window_view(filtered_mv.reshape(-1), (n_columns - 1) * step + 1)[:, ::step]
    for piece in _pieces(of_segment[whole], max(1, GATHER_SAMPLES // n_columns)):
        beats = whole[piece]
        segment = of_segment[beats]
        ids, of_piece = np.unique(segment, return_inverse=True)
        measured = _measure(
            stretches[run[beats] * n_samples + begin[beats]],
            of_piece,
            rr_s[ids],
            may_be_normal[beats],
            before,
            grid_hz,
            least_correlation,
        )
        found.correlation[beats] = measured.correlation
        found.is_normal[beats] = measured.is_normal
        for name, values in measured.beat.items():
            found.beat[name][beats] = values
        for name, values in measured.averaged.items():
            found.averaged[name][ids] = values
    return found


def _pieces(segment: IntArray, size: int) -> Iterator[slice]:
    """Slices of whole segments of about ``size`` beats together."""
    ends = np.append(np.flatnonzero(np.diff(segment)) + 1, len(segment))
    start = 0
    while start < len(segment):
        stop = int(ends[max(np.searchsorted(ends, start + size, "right") - 1, np.searchsorted(ends, start, "right"))])
        yield slice(start, stop)
        start = stop


def _measure(
    mv: FloatArray,
    segment: IntArray,
    rr_s: FloatArray,
    may_be_normal: BoolArray,
    r_column: int,
    rate: float,
    least_correlation: float,
) -> MeasuredBeats:
    """Average, delineate and measure beats, shape ``(n_beats, n_columns)``, of segments numbered from 0."""
    n_segments = int(segment[-1]) + 1
    is_counted = _countable(may_be_normal, segment, n_segments)
    mean = np.add.reduceat(mv, np.flatnonzero(np.diff(segment, prepend=-1)), axis=0)
    mean /= np.bincount(segment)[:, None]
    _average_again(mean, mv, segment, ~is_counted, is_counted)
    alike = slice(r_column - round(ALIKE_BEFORE_S * rate), r_column + round(ALIKE_AFTER_S * rate) + 1)
    part = mv[:, alike] - mv[:, alike].mean(axis=1, keepdims=True)
    energy = np.einsum("ij,ij->i", part, part)
    correlation = _correlation(part, energy, mean[:, alike], segment)
    # once more without the beats that came in time but are unlike the others
    is_normal = may_be_normal & (correlation >= least_correlation)
    was_counted, is_counted = is_counted, _countable(is_normal, segment, n_segments)
    again = _average_again(mean, mv, segment, was_counted != is_counted, is_counted)
    correlation[again] = _correlation(part[again], energy[again], mean[:, alike], segment[again])
    noise = np.sqrt(energy * (1 - np.square(correlation)) / part.shape[1])
    n_counted = np.bincount(segment[is_counted], minlength=n_segments)
    error = np.sqrt(mean_by_run(np.square(noise)[is_counted], segment[is_counted], n_segments) / n_counted)
    averaged = fiducials(AveragedBeats(mean, error, rr_s, r_column, rate))
    beat = _each_beat(mv, segment, mean, noise, averaged, r_column, rate)
    return MeasuredBeats(correlation, is_normal, beat, averaged, np.zeros(0, np.int64))


def _countable(is_normal: BoolArray, segment: IntArray, n_segments: int) -> BoolArray:
    """Which beats the average is of: the normal ones, or all where a segment has hardly any."""
    few = np.bincount(segment[is_normal], minlength=n_segments) < MIN_BEATS
    countable: BoolArray = is_normal | few[segment]
    return countable


def _average_again(
    mean: FloatArray, mv: FloatArray, segment: IntArray, is_changed: BoolArray, is_counted: BoolArray
) -> IntArray:
    """Put the average of the counted beats in place, for segments with a changed beat; give all beats of those."""
    of_changed = np.zeros(len(mean), bool)
    of_changed[segment[is_changed]] = True
    chosen = np.flatnonzero(of_changed[segment] & is_counted)
    if len(chosen):
        starts = np.flatnonzero(np.diff(segment[chosen], prepend=-1))
        count = np.diff(starts, append=len(chosen))
        mean[segment[chosen][starts]] = np.add.reduceat(mv[chosen], starts, axis=0) / count[:, None]
    return np.flatnonzero(of_changed[segment])


def _correlation(part: FloatArray, energy: FloatArray, mean: FloatArray, segment: IntArray) -> FloatArray:
    """Correlation of each beat (centred, with its energy) with its segment's averaged beat."""
    shape = mean - mean.mean(axis=1, keepdims=True)
    norm = np.sqrt(energy * np.square(shape).sum(axis=1)[segment])
    product = np.einsum("ij,ij->i", part, shape[segment])
    found: FloatArray = np.divide(product, norm, out=np.zeros(len(norm)), where=norm > 0)
    return found.clip(-1, 1)


def _each_beat(
    mv: FloatArray,
    segment: IntArray,
    mean: FloatArray,
    noise: FloatArray,
    averaged: dict[str, FloatArray],
    r_column: int,
    rate: float,
) -> dict[str, FloatArray]:
    """Waves of single beats: size and place of the averaged beat's waves that fit each best."""
    ms = 1000 / rate
    column = {name: averaged[name] / ms + r_column for name in FIDUCIALS}
    slope = np.gradient(mean, axis=1)
    noise_of = noise * math.sqrt(max(1.0, rate / (2 * HIGH_HZ)))
    p_gain, p_shift = _fit(
        mv,
        segment,
        noise_of,
        mean,
        slope,
        column["p_peak_ms"],
        _Fit(
            round(P_REACH_S * rate),
            column["p_onset_ms"],
            column["p_end_ms"],
            P_SHIFT_S * rate,
            MAX_STANDARD_ERROR_S * rate,
        ),
    )
    t_gain, t_shift = _fit(
        mv,
        segment,
        noise_of,
        mean,
        slope,
        column["t_peak_ms"],
        _Fit(
            round(T_REACH_S * rate),
            column["t_onset_ms"],
            column["t_end_ms"],
            T_SHIFT_S * rate,
            MAX_STANDARD_ERROR_S * rate,
        ),
    )
    # a wider complex is one whose every part lies farther from R, in proportion
    spread = slope * (np.arange(mean.shape[1]) - r_column)
    _, stretch = _fit(
        mv,
        segment,
        noise_of,
        mean,
        spread,
        np.full(len(mean), float(r_column)),
        _Fit(round(QRS_REACH_S * rate), column["qrs_onset_ms"], column["qrs_end_ms"], MAX_STRETCH, MAX_STRETCH_ERROR),
    )
    level = _mean_around(mv, segment, column["qrs_onset_ms"] - LEVEL_S * rate / 2, LEVEL_S * rate / 2)
    st_at = column["qrs_end_ms"] + ST_AFTER_J_S * rate
    st_mv = _mean_around(mv, segment, st_at, ST_HALF_WIDTH_S * rate) - level
    of_beat = {name: values[segment] for name, values in averaged.items() if name != "r_wave_ms"}
    qrs_onset, qrs_end = of_beat["qrs_onset_ms"] * (1 + stretch), of_beat["qrs_end_ms"] * (1 + stretch)
    beat = {
        "qrs_onset_ms": qrs_onset,
        "qrs_end_ms": qrs_end,
        "qrs_duration_ms": qrs_end - qrs_onset,
        "r_amplitude_mv": mv[:, r_column] - level,
        "st_level_mv": st_mv,
        "p_amplitude_mv": of_beat["p_amplitude_mv"] * p_gain,
        "t_amplitude_mv": of_beat["t_amplitude_mv"] * t_gain,
    }
    beat |= {name: of_beat[name] + p_shift * ms for name in ("p_onset_ms", "p_peak_ms", "p_end_ms")}
    beat |= {name: of_beat[name] + t_shift * ms for name in ("t_onset_ms", "t_peak_ms", "t_end_ms")}
    # the bounds of a single complex are less certain than where P begins and T ends: both intervals count from the
    # average's onset
    beat["pr_interval_ms"] = of_beat["qrs_onset_ms"] - beat["p_onset_ms"]
    beat["qt_interval_ms"] = beat["t_end_ms"] - of_beat["qrs_onset_ms"]
    return beat


@dataclass(frozen=True)
class _Fit:
    """Where a wave is fitted, in columns (``first`` and ``last``, at most ``half_width`` from its centre), and limits.

    ``max_change`` and ``max_error`` are of the change that the tangent stands for: a shift in columns, or a stretch.
    """

    half_width: int
    first: FloatArray
    last: FloatArray
    max_change: float
    max_error: float


def _fit(
    mv: FloatArray,
    segment: IntArray,
    noise: FloatArray,
    mean: FloatArray,
    tangent: FloatArray,
    centre: FloatArray,
    fit: _Fit,
) -> tuple[FloatArray, FloatArray]:
    """Gain and change with which each beat's wave comes nearest to the averaged one, NaN where they are not certain.

    A wave that is ``a`` times as large and moved by ``s`` is ``c + a * mean - a * s * tangent`` to first order: three
    coefficients by least squares, whose weights are the same for all beats of a segment.
    """
    n_columns, half = mean.shape[1], fit.half_width
    # what lies outside the window counts as its edge: only a wave at the very end of a beat is cut
    middle = np.nan_to_num(centre, nan=half).round().astype(np.int64).clip(half, n_columns - 1 - half)
    columns = middle[:, None] + np.arange(-half, half + 1)
    is_wave = (columns >= fit.first[:, None]) & (columns <= fit.last[:, None])
    row = np.arange(len(mean))[:, None]
    model = np.stack([np.ones(columns.shape), mean[row, columns], tangent[row, columns]], axis=1) * is_wave[:, None, :]
    normal = model @ model.transpose(0, 2, 1)
    scale = np.sqrt(np.einsum("nii->ni", normal))
    is_known = (scale > 0).all(axis=1)
    scale[~is_known] = 1
    # scaled to a unit diagonal; the ridge only keeps what cannot be told apart from dividing by zero
    scaled = normal / (scale[:, :, None] * scale[:, None, :]) + 1e-9 * np.eye(3)
    scaled[~is_known] = np.eye(3)
    inverse = np.linalg.inv(scaled) / (scale[:, :, None] * scale[:, None, :])
    weights = inverse[:, 1:] @ model
    begin = np.arange(len(mv)) * n_columns + (middle - half)[segment]
    windows = sliding_window_view(mv.reshape(-1), 2 * half + 1)[begin]
    gain, change = np.einsum("bw,bkw->kb", windows, weights[segment])
    usable = is_known[segment] & (gain > MIN_GAIN)
    change = np.divide(-change, gain, out=np.full(len(mv), np.nan), where=usable)
    error = np.divide(noise * np.sqrt(inverse[segment, 2, 2]), gain, out=np.full(len(mv), np.inf), where=usable)
    is_certain = (np.abs(change) <= fit.max_change) & (error <= fit.max_error)
    return np.where(is_certain, gain, np.nan), np.where(is_certain, change, np.nan)


def _mean_around(mv: FloatArray, segment: IntArray, centre: FloatArray, half_width: float) -> FloatArray:
    """Mean of each beat around a column of its segment."""
    half = max(0, round(half_width - 0.25))
    n_columns = mv.shape[1]
    middle = centre.round().astype(np.int64).clip(half, n_columns - 1 - half)
    begin = np.arange(len(mv)) * n_columns + (middle - half)[segment]
    mean: FloatArray = sliding_window_view(mv.reshape(-1), 2 * half + 1)[begin].mean(axis=1)
    return mean
