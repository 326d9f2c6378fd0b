"""Tell normal beats from ectopic and misdetected ones, by their intervals and by their shape.

By intervals: the successive differences of RR intervals, and the intervals' distances from their running median, are
compared with thresholds that follow their own spread, and the pattern of neighbouring differences says what a beat is
(Lipponen and Tarvainen 2019). By shape: a beat that is unlike the averaged beat of its surroundings is ectopic where it
came early, and else no beat at all.

References
----------
Lipponen, J. A. and Tarvainen, M. P. (2019). A robust algorithm for heart rate variability time series artefact
correction using novel beat classification. J. Med. Eng. Technol. 43, 173-181.
Task Force of the European Society of Cardiology and the North American Society of Pacing and Electrophysiology (1996).
Heart rate variability: standards of measurement. Circulation 93, 1043-1065 (only normal-to-normal intervals count).
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from python_transforms.ecg.filtering import BoolArray, FloatArray, IntArray

# Lipponen and Tarvainen (2019): quartile deviations of 91 beats times 5.2 (which covers 99.95 % of a normal spread),
# medians of 11 beats, slope and offset of the lines that bound ectopic patterns, the limit for long and short beats.
SPREAD_BEATS, SPREAD_FACTOR = 91, 5.2
MEDIAN_BEATS = 11
# Windows are sorted in pieces of so many values (4 MB): memory does not grow with a recording's length.
SORTED_VALUES = 500_000
# A run of fewer intervals shows no pattern: nothing is said of its beats.
MIN_INTERVALS = 5
PATTERN_SLOPE, PATTERN_OFFSET = 0.13, 0.17
LONG_LIMIT = 3.0
# The thresholds stay between these parts of the running median interval. Below: in 20 s of even beats the spread is
# that of the sampling, and a few milliseconds would be an outlier. Above: with every fourth beat ectopic the spread is
# that of the ectopic beats and nothing stands out; filters by a fixed part use 20 % (Task Force 1996). Without the
# upper limit 14 instead of 97 % of the ectopic beats of MIT-BIH 119 are found.
LEAST_THRESHOLD, GREATEST_THRESHOLD = 0.15, 0.2
# A beat is premature when it comes before this part of the running median interval.
PREMATURE = 0.88
# A beat correlates at least so much with the averaged beat of its surroundings. Orphanidou et al. (2015) call ECG of
# 0.66 and more on average usable.
LEAST_CORRELATION = 0.66


@dataclass(frozen=True)
class Rhythm:
    """Hold the results of the intervals for each beat, arrays of shape ``(n_beats,)``.

    Attributes
    ----------
    rr_ms
        Interval from the beat before, NaN for a run's first.
    is_ectopic
        Whether the beat came too early or too late for its neighbours, and the rhythm went on.
    is_extra
        Whether it splits an interval of usual length.
    is_interval_whole
        Whether no beat seems to be missing between the beat before and this.
    is_premature
        Whether it came clearly before its time.
    """

    rr_ms: FloatArray
    is_ectopic: BoolArray
    is_extra: BoolArray
    is_interval_whole: BoolArray
    is_premature: BoolArray


def classify_intervals(run: IntArray, index: IntArray, sampling_rate_hz: float) -> Rhythm:
    """Judge beats by the intervals around them.

    Parameters
    ----------
    run, index
        Run and sample index of each beat, ordered by both, shape ``(n_beats,)``.
    sampling_rate_hz
        Samples a second.

    Returns
    -------
    Flags of each beat; of a run of fewer than five intervals no beat is ectopic or extra.

    References
    ----------
    Lipponen and Tarvainen (2019).
    """
    n_beats = len(run)
    rr = np.full(n_beats, np.nan)
    is_within = np.diff(run) == 0
    rr[1:][is_within] = np.diff(index)[is_within] * (1000 / sampling_rate_hz)
    interval = np.flatnonzero(np.isfinite(rr))
    enough = np.bincount(run[interval], minlength=1) >= MIN_INTERVALS if len(interval) else np.zeros(1, bool)
    interval = interval[enough[run[interval]]]
    if len(interval) == 0:
        none = np.zeros(n_beats, bool)
        return Rhythm(rr, none, none.copy(), ~none, none.copy())
    known, interval_run = rr[interval], run[interval]
    median = np.full(n_beats, np.nan)
    median[interval] = _running_quantiles(known, interval_run, MEDIAN_BEATS, (0.5,))[0]
    least, greatest = LEAST_THRESHOLD * median, GREATEST_THRESHOLD * median

    # difference of the interval after a beat and the one before it: 0 at the ends of a run, where one is missing
    change = np.zeros(n_beats)
    change[:-1] = np.where(is_within, rr[1:] - rr[:-1], 0.0)
    change = np.nan_to_num(change)
    middle = np.flatnonzero(np.isfinite(median[:-1]) & is_within)
    change_threshold = np.full(n_beats, np.inf)
    if len(middle):
        change_threshold[middle] = _spread(np.abs(change[middle]), run[middle]).clip(least[middle], greatest[middle])
    d = change / change_threshold
    distance = rr - median
    distance = np.where(distance < 0, 2 * distance, distance)
    distance_threshold = np.full(n_beats, np.inf)
    distance_threshold[interval] = _spread(np.abs(distance[interval]), interval_run).clip(
        least[interval], greatest[interval]
    )
    m = np.nan_to_num(distance / distance_threshold)

    before, after = _shifted(d, run, -1), _shifted(d, run, 1)
    limit = PATTERN_SLOPE * np.abs(d) + PATTERN_OFFSET
    is_early = (d > 1) & (np.maximum(before, after) < -limit)
    is_late = (d < -1) & (np.minimum(before, after) > limit)
    # every other beat may come early: those between them come late, and are the normal ones
    is_ectopic = is_early | (is_late & ~_shifted(is_early, run, -1) & ~_shifted(is_early, run, 1))

    # the interval that ends at a beat is long or short when the change to it is undone by one of the next two
    is_long = ((before > 1) & (np.minimum(d, after) < -1)) | (m > LONG_LIMIT)
    is_short = ((before < -1) & (np.maximum(d, after) > 1)) | (m < -LONG_LIMIT)
    near_ectopic = is_ectopic | _shifted(is_ectopic, run, -1) | _shifted(is_ectopic, run, 1)
    is_long &= ~near_ectopic
    is_short &= ~near_ectopic
    next_rr = _shifted(np.nan_to_num(rr), run, 1)
    is_missed = is_long & (np.abs(rr / 2 - median) < distance_threshold)
    is_extra = is_short & (next_rr > 0) & (np.abs(rr + next_rr - median) < distance_threshold)
    # the second half of a split interval is as short as the first, and its beat is not to blame
    is_extra &= ~_shifted(is_extra, run, -1)
    is_ectopic |= is_short & ~is_extra & ~_shifted(is_extra, run, -1)
    return Rhythm(
        rr_ms=rr,
        is_ectopic=is_ectopic,
        is_extra=is_extra,
        is_interval_whole=~is_missed,
        is_premature=np.nan_to_num(rr / median, nan=1.0) < PREMATURE,
    )


def _spread(values: FloatArray, run: IntArray) -> FloatArray:
    """Compute Lipponen and Tarvainen's threshold: 5.2 quartile deviations of the 91 values around each."""
    low, high = _running_quantiles(values, run, SPREAD_BEATS, (0.25, 0.75))
    spread: FloatArray = SPREAD_FACTOR * (high - low) / 2
    return spread


_Number = TypeVar("_Number", np.float64, np.bool_)


def _shifted(values: NDArray[_Number], run: IntArray, by: int) -> NDArray[_Number]:
    """Take the value of the beat ``by`` places on in the same run, 0 (or False) beyond its ends."""
    moved = np.roll(values, -by)
    is_same = np.roll(run, -by) == run
    if by > 0:
        is_same[-by:] = False
    else:
        is_same[:-by] = False
    moved[~is_same] = 0
    return moved


def _running_quantiles(
    values: FloatArray, run: IntArray, size: int, quantiles: tuple[float, ...]
) -> tuple[FloatArray, ...]:
    """Compute quantiles of the ``size`` values around each, of its own run; at a run's ends of its first or last.

    Where windows are the same, as all are in a short run, they are sorted once.
    """
    start, stop = np.searchsorted(run, run, "left"), np.searchsorted(run, run, "right")
    low = np.clip(np.arange(len(values)) - size // 2, start, np.maximum(start, stop - size))
    is_first = np.diff(low, prepend=-1) != 0
    window, starts, stops = np.cumsum(is_first) - 1, low[is_first], stop[is_first]
    size = min(size, int((stop - start).max(initial=1)))
    running = np.empty((len(quantiles), len(starts)))
    step = max(1, SORTED_VALUES // size)
    for first in range(0, len(starts), step):
        piece = slice(first, first + step)
        columns = starts[piece, None] + np.arange(size)
        is_inside = columns < stops[piece, None]
        ordered = np.sort(np.where(is_inside, values[np.minimum(columns, len(values) - 1)], np.inf), axis=1)
        count, row = is_inside.sum(axis=1), np.arange(len(ordered))
        for number, quantile in enumerate(quantiles):
            at = quantile * (count - 1)
            below = np.floor(at).astype(np.int64)
            above = np.minimum(below + 1, count - 1)
            low_value, high_value = ordered[row, below], ordered[row, above]
            running[number, piece] = low_value + (at - below) * (high_value - low_value)
    return tuple(running[:, window])
