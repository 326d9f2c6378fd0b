"""Tell P waves without a QRS complex from beats, by the shape of the P waves of the beats around.

In an atrioventricular block of the second degree some P waves are not conducted. Where they are tall beside the QRS
complex, as in wide or low complexes, they are found where a beat seems to be missing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from python_transforms.ecg.filtering import BoolArray, FloatArray, IntArray

# The peak of a P wave lies this long before R: PR intervals last 120 to 200 ms, 300 ms and more in a block of the first
# degree, which is seldom without one of the second.
BEFORE_R_S = (0.36, 0.09)
# The wave and its limbs, 70 ms to either side of the peak.
HALF_S = 0.07
# A candidate lies within so many samples (of 8 ms) of the peak of what it is.
LAGS = 3
# A mean of fewer beats is too noisy to compare with.
MIN_BEATS = 3
# It is a P wave when it correlates with the mean one like this, and is neither much larger nor much smaller. Where QRS
# complexes were taken out of MIT-BIH records (benchmarks/r_peak_stress.py) F1 is 0.9 points higher than without the
# rule; 0.8 in place of 0.9 and 2 in place of 1.6 bring another 0.07, and cost as much where beats fade.
LIKENESS = 0.9
SIZE_RATIO = 1.6


@dataclass(frozen=True)
class MeanPWaves:
    """Hold the mean P waves of groups of beats.

    Attributes
    ----------
    shape
        About its mean, shape ``(n_groups, n)``; all 0 where there are too few beats.
    lead
        How many samples it lies before R, shape ``(n_groups,)``.
    """

    shape: FloatArray
    lead: IntArray


def mean_p_waves(
    signal: FloatArray, rate: float, run: IntArray, r_position: IntArray, group: IntArray, n_groups: int
) -> MeanPWaves:
    """Find the P waves of averaged beats: what stands out most from a straight line through the time of P waves.

    Parameters
    ----------
    signal
        Shape ``(n_runs, n_samples)``.
    rate
        Samples a second.
    run, r_position, group
        Run, sample index and group (from 0) of each beat.
    n_groups
        Number of groups.

    Returns
    -------
    The mean P wave of each group.
    """
    before = round(BEFORE_R_S[0] * rate)
    is_whole = r_position >= before
    run, r_position, group = run[is_whole], r_position[is_whole], group[is_whole]
    index = (run * signal.shape[1] + r_position)[:, None] + np.arange(-before, 1)
    total = np.zeros((n_groups, before + 1))
    np.add.at(total, group, np.take(signal, index))
    count = np.bincount(group, minlength=n_groups)
    mean = total / np.maximum(count, 1)[:, None]
    stop, half = before - round(BEFORE_R_S[1] * rate), round(HALF_S * rate)
    within = mean[:, :stop]
    line = within[:, :1] + (within[:, -1:] - within[:, :1]) * np.linspace(0, 1, stop)
    peak = np.abs(within - line).argmax(axis=1)
    shape = np.take_along_axis(mean, np.clip(peak[:, None] + np.arange(-half, half + 1), 0, before), axis=1)
    shape -= shape.mean(axis=1, keepdims=True)
    shape[count < MIN_BEATS] = 0
    return MeanPWaves(shape, before - peak)


def resemble(signal: FloatArray, run: IntArray, position: IntArray, shape: FloatArray) -> tuple[BoolArray, IntArray]:
    """Compare the signal at each position with a wave.

    Parameters
    ----------
    signal
        Shape ``(n_runs, n_samples)``.
    run, position
        Run and sample index of each, shape ``(n,)``.
    shape
        The wave that each is compared with, about its mean, shape ``(n, n_wave)``.

    Returns
    -------
    Whether the signal looks like the wave, and by how many samples it lies later, shape ``(n,)`` each.
    """
    n_samples, half = signal.shape[1], shape.shape[1] // 2
    offsets = np.arange(-half - LAGS, half + LAGS + 1)
    wide = np.take(signal, run[:, None] * n_samples + np.clip(position[:, None] + offsets, 0, n_samples - 1))
    windows = sliding_window_view(wide, shape.shape[1], axis=1)
    centred = windows - windows.mean(axis=2, keepdims=True)
    product = np.einsum("ijk,ik->ij", centred, shape)
    energy = np.einsum("ij,ij->i", shape, shape)[:, None]
    norm = np.sqrt(energy * np.einsum("ijk,ijk->ij", centred, centred))
    likeness = np.divide(product, norm, out=np.zeros(norm.shape), where=norm > 0)
    best = likeness.argmax(axis=1)
    row = np.arange(len(run))
    size = np.divide(product, energy, out=np.zeros(product.shape), where=energy > 0)[row, best]
    is_alike = (likeness[row, best] > LIKENESS) & (size > 1 / SIZE_RATIO) & (size < SIZE_RATIO)
    return is_alike, best - LAGS
