"""Limit steps of a signal that no heart makes: a loose plug's spikes and jumps.

What rises or falls many times as steeply as beats do is limited to a few times their steepness: a spike of -154 mV
becomes one of some mV, a jump a small one, and the rest of the signal is what it was, shifted. Without that a filter
rings for seconds on either side, and heights and averages are the artefact's. It says nothing of milder noise.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from python_transforms.ecg.filtering import SLICE_SAMPLES, FloatArray, IntArray

# Blocks of so much hold a beat at 50 beats a minute.
BLOCK_S = 1.2
# The usual steepness around a block is what four of fifteen such blocks, 18 s, reach (the same share of fewer). So
# spikes in three of them are no measure, and beats in four of them are one, however dead the rest is.
NEAR_BLOCKS = 15
ARTEFACT_SHARE = 0.2
# A step is limited to so many times the usual steepest. Beats that fade to a fifth of others stay as they are; factors
# of 4 to 8 leave every beat of ten MIT-BIH records in its place.
STEEP_FACTOR = 5.0


def limit_steps(runs: FloatArray, sampling_rate_hz: float) -> tuple[FloatArray, IntArray]:
    """Limit steps from sample to sample to five times the usual step around.

    Parameters
    ----------
    runs
        Signals without gaps, of any unit, shape ``(n_runs, n_samples)``.
    sampling_rate_hz
        Samples a second.

    Returns
    -------
    The signals, shape ``(n_runs, n_samples)``: the input itself where nothing was too steep; and how many steps of each
    run were limited, shape ``(n_runs,)``.
    """
    n_runs, n_samples = runs.shape
    count = np.zeros(n_runs, np.int64)
    starts = block_starts(n_samples, sampling_rate_hz)
    steepest = _steepest(runs, starts)
    n_near = min(NEAR_BLOCKS, len(starts))
    rank = n_near - 1 - int(ARTEFACT_SHARE * n_near)
    usual = np.partition(sliding_window_view(steepest, n_near, axis=1), rank, axis=2)[:, :, rank]
    usual = usual[:, np.clip(np.arange(len(starts)) - n_near // 2, 0, len(starts) - n_near)]
    # where all is dead nothing says what is usual
    limit = STEEP_FACTOR * np.where(usual > 0, usual, np.inf)
    is_steep = steepest > limit
    if not is_steep.any():
        return runs, count
    runs = runs.copy()
    ends = np.append(starts[1:], n_samples)
    for row in np.flatnonzero(is_steep.any(axis=1)):
        signal, places, excesses = runs[row], [], []
        for block in np.flatnonzero(is_steep[row]):
            first = max(1, int(starts[block]))
            steps, bound = np.diff(signal[first - 1 : ends[block]]), limit[row, block]
            steep = np.flatnonzero(np.abs(steps) > bound)
            places.append(first + steep)
            excesses.append(steps[steep] - np.copysign(bound, steps[steep]))
        place, shift = np.concatenate(places), np.cumsum(np.concatenate(excesses))
        signal[place[0] :] -= np.repeat(shift, np.diff(place, append=n_samples))
        count[row] = len(place)
    return runs, count


def block_starts(n_samples: int, sampling_rate_hz: float) -> IntArray:
    """Return the sample index at which each block of ``BLOCK_S`` begins; the last block takes what is left over."""
    size = max(1, round(BLOCK_S * sampling_rate_hz))
    return np.arange(max(1, n_samples // size)) * size


def _steepest(runs: FloatArray, starts: IntArray) -> FloatArray:
    """Find the steepest step of each block, shape ``(n_runs, n_blocks)``; long runs in pieces, for bounded memory."""
    n_runs, n_samples = runs.shape
    size = int(starts[1]) if len(starts) > 1 else n_samples
    steepest = np.zeros((n_runs, len(starts)))
    at_once = max(1, SLICE_SAMPLES // (size * max(1, n_runs)))
    for first in range(0, len(starts), at_once):
        blocks = slice(first, min(first + at_once, len(starts)))
        begin, end = first * size, blocks.stop * size
        before = runs[:, max(0, begin - 1)][:, None]
        steps = np.diff(runs[:, begin:end], axis=1, prepend=before)
        steepest[:, blocks] = _largest(steps.reshape(n_runs, blocks.stop - first, size))
    rest = runs[:, len(starts) * size - 1 :]
    if rest.shape[1] > 1:
        steepest[:, -1] = np.maximum(steepest[:, -1], _largest(np.diff(rest, axis=1)))
    return steepest


def _largest(steps: FloatArray) -> FloatArray:
    """Return the largest absolute value along the last axis."""
    largest: FloatArray = np.maximum(steps.max(axis=-1), -steps.min(axis=-1))
    return largest
