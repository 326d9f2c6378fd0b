"""Measure the beats of a batch of runs: average them, delineate the averages, measure each beat against its average.

Noise falls with the square root of the number of beats that are averaged: waves are found in the average, and of a
single beat only the difference from it is estimated. Segments, and beats, are computed together, as many as memory is
to hold.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from python_transforms.ecg.beat_averages import MIN_BEATS, Averages, average, segments
from python_transforms.ecg.beat_waves import BEAT_COLUMNS, Beats, fit_waves
from python_transforms.ecg.delineation import AVERAGED_FIGURES, AveragedBeats, fiducials
from python_transforms.ecg.features import mean_by_run
from python_transforms.ecg.filtering import BoolArray, FloatArray, IntArray

# Beats are looked at on a grid of about this rate: six times the filter's upper edge of 40 Hz.
GRID_HZ = 250.0
# A beat is cut from before the P wave of the longest normal PR interval (200 ms, and first-degree block beyond) to the
# end of the T wave at 50 beats a minute (QT 450 ms, and prolonged ones beyond).
BEFORE_S, AFTER_S = 0.36, 0.64
# Beats are gathered in pieces of about so many samples (8 MB): memory does not grow with a recording's length.
GATHER_SAMPLES = 1_000_000


@dataclass(frozen=True)
class MeasuredBeats:
    """Hold the figures of all beats of a batch, and of the averaged beats of its segments.

    Attributes
    ----------
    correlation
        Correlation of each beat with the averaged beat of its segment, shape ``(n_beats,)``; NaN for a beat that does
        not lie wholly within its run, or whose segment has too few.
    beat
        For each name in ``BEAT_COLUMNS`` an array of shape ``(n_beats,)``; NaN where the beat does not show it.
    averaged
        For each name in ``AVERAGED_FIGURES`` an array of shape ``(n_segments,)``.
    segment_run
        Run of each segment, ascending.
    """

    correlation: FloatArray
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
        A beat that correlates less with the average of all is not normal.

    Returns
    -------
    Figures of the beats and of the averaged beats, NaN where they are not known.
    """
    n_samples = filtered_mv.shape[1]
    step = max(1, round(sampling_rate_hz / GRID_HZ))  # samples from one column of the grid to the next
    grid_hz = sampling_rate_hz / step
    before, after = round(BEFORE_S * grid_hz), round(AFTER_S * grid_hz)
    n_columns = before + after + 1
    beat_segment = segments(run)
    n_segments = int(beat_segment[-1]) + 1 if len(run) else 0
    segment_run = np.zeros(n_segments, np.int64)
    segment_run[beat_segment] = run
    begin = index - before * step
    whole = np.flatnonzero((begin >= first_sample[run]) & (index + after * step < n_samples))
    whole = whole[np.bincount(beat_segment[whole], minlength=n_segments)[beat_segment[whole]] >= MIN_BEATS]
    measured = MeasuredBeats(
        correlation=np.full(len(run), np.nan),
        beat={name: np.full(len(run), np.nan) for name in BEAT_COLUMNS},
        averaged={name: np.full(n_segments, np.nan) for name in AVERAGED_FIGURES},
        segment_run=segment_run,
    )
    if len(whole) == 0:
        return measured
    counted = np.isfinite(rr_ms)
    rr_s = mean_by_run(rr_ms[counted] / 1000, beat_segment[counted], n_segments)
    # every stretch of a beat's length in the runs laid end to end, on the grid
    stretches = sliding_window_view(filtered_mv.reshape(-1), (n_columns - 1) * step + 1)[:, ::step]
    for piece in _pieces(beat_segment[whole], max(1, GATHER_SAMPLES // n_columns)):
        beats = whole[piece]
        segment = beat_segment[beats]
        ids, piece_segment = np.unique(segment, return_inverse=True)
        averages, averaged, single = _measure(
            stretches[run[beats] * n_samples + begin[beats]],
            piece_segment,
            rr_s[ids],
            may_be_normal[beats],
            before,
            grid_hz,
            least_correlation,
        )
        measured.correlation[beats] = averages.correlation
        for name, values in averaged.items():
            measured.averaged[name][ids] = values
        for name, values in single.items():
            measured.beat[name][beats] = values
    return measured


def _pieces(segment: IntArray, size: int) -> Iterator[slice]:
    """Yield slices of whole segments, of about ``size`` beats together."""
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
    grid_hz: float,
    least_correlation: float,
) -> tuple[Averages, dict[str, FloatArray], dict[str, FloatArray]]:
    """Average, delineate and measure beats, shape ``(n_beats, n_columns)``, of segments numbered from 0."""
    averages = average(mv, segment, may_be_normal, r_column, grid_hz, least_correlation)
    mean = averages.mean_mv
    averaged = fiducials(AveragedBeats(mean, averages.standard_error_mv, rr_s, r_column, grid_hz))
    return averages, averaged, fit_waves(Beats(mv, segment, averages.noise_mv, mean, r_column, grid_hz), averaged)
