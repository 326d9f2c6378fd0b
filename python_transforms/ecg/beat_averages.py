"""Average the beats of a run, in segments of some minutes, and correlate each beat with its average."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from python_transforms.ecg.features import mean_by_run
from python_transforms.ecg.filtering import BoolArray, FloatArray, IntArray

# Likeness of beats is taken over QRS complex and T wave: the P wave and the rest say little and carry the same noise.
ALIKE_BEFORE_S, ALIKE_AFTER_S = 0.2, 0.4
# With fewer beats the averaged beat is mostly each beat itself.
MIN_BEATS = 3
# A posture lasts minutes: beats are averaged over about 2 of them, a short run as a whole.
SEGMENT_BEATS = 128


@dataclass(frozen=True)
class Averages:
    """Hold the averaged beats of segments, and each beat's distance from that of its segment.

    Attributes
    ----------
    mean_mv
        Averaged beats, shape ``(n_segments, n_columns)``.
    standard_error_mv
        What noise is left of a sample of each, shape ``(n_segments,)``.
    correlation, noise_mv
        Of each beat: its correlation with the averaged beat, and how far its samples lie from that (root mean square),
        shape ``(n_beats,)``.
    """

    mean_mv: FloatArray
    standard_error_mv: FloatArray
    correlation: FloatArray
    noise_mv: FloatArray


def segments(run: IntArray) -> IntArray:
    """Cut each run into segments of successive beats, of about equal length, and number them.

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


def average(
    mv: FloatArray,
    segment: IntArray,
    may_be_normal: BoolArray,
    r_column: int,
    grid_hz: float,
    least_correlation: float,
) -> Averages:
    """Average the beats, shape ``(n_beats, n_columns)``, of segments numbered from 0, without those unlike the others.

    Parameters
    ----------
    mv
        Beats on the grid, R at column ``r_column``, ordered by segment.
    segment, may_be_normal
        Of each beat, shape ``(n_beats,)``.
    grid_hz
        Columns a second.
    least_correlation
        A beat that correlates less with the average of all is not normal.

    Returns
    -------
    Averages of the normal beats, of all beats where a segment has fewer than three normal ones.
    """
    n_segments = int(segment[-1]) + 1
    is_counted = _countable(may_be_normal, segment, n_segments)
    mean = _mean_by_segment(mv, segment)
    _average_again(mean, mv, segment, ~is_counted, is_counted)
    alike = slice(r_column - round(ALIKE_BEFORE_S * grid_hz), r_column + round(ALIKE_AFTER_S * grid_hz) + 1)
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
    return Averages(mean, error, correlation, noise)


def _countable(is_normal: BoolArray, segment: IntArray, n_segments: int) -> BoolArray:
    """Choose the beats that are averaged: the normal ones, or all of a segment that has hardly any."""
    few = np.bincount(segment[is_normal], minlength=n_segments) < MIN_BEATS
    countable: BoolArray = is_normal | few[segment]
    return countable


def _average_again(
    mean: FloatArray, mv: FloatArray, segment: IntArray, is_changed: BoolArray, is_counted: BoolArray
) -> IntArray:
    """Replace the averages of the segments with a changed beat, in place; return all beats of these segments."""
    has_changed = np.zeros(len(mean), bool)
    has_changed[segment[is_changed]] = True
    chosen = np.flatnonzero(has_changed[segment] & is_counted)
    if len(chosen):
        ids, chosen_segment = np.unique(segment[chosen], return_inverse=True)
        mean[ids] = _mean_by_segment(mv[chosen], chosen_segment)
    return np.flatnonzero(has_changed[segment])


def _mean_by_segment(mv: FloatArray, segment: IntArray) -> FloatArray:
    """Average the beats of segments numbered from 0, none of them without a beat.

    A sparse product: four times as fast as ``np.add.reduceat``, and other threads run meanwhile.
    """
    count = np.bincount(segment)
    ends = np.append(0, np.cumsum(count))
    members = sparse.csr_array((np.ones(len(segment)), np.arange(len(segment)), ends), shape=(len(count), len(segment)))
    mean: FloatArray = members @ mv
    mean /= count[:, None]
    return mean


def _correlation(part: FloatArray, energy: FloatArray, mean: FloatArray, segment: IntArray) -> FloatArray:
    """Correlate each beat (centred, with its energy) with its segment's averaged beat."""
    shape = mean - mean.mean(axis=1, keepdims=True)
    norm = np.sqrt(energy * np.square(shape).sum(axis=1)[segment])
    product = np.einsum("ij,ij->i", part, shape[segment])
    correlation: FloatArray = np.divide(product, norm, out=np.zeros(len(norm)), where=norm > 0)
    return correlation.clip(-1, 1)
