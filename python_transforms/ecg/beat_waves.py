"""Measure the waves of single beats against the averaged beat: how large each is, how far it lies from its usual place.

Both are estimated by least squares. That is the estimator of least variance in white noise, needs no threshold on a
noisy beat, and is a few products a beat. Its standard error is known, and a beat whose error is too large has no value.

References
----------
Woody, C. D. (1967). Characterization of an adaptive filter for the analysis of variable latency neuroelectric signals.
Med. Biol. Eng. 5, 539-554; Berger, R. D. et al. (1997). Beat-to-beat QT interval variability. Circulation 96, 1557-1565
(single beats against a template).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from python_transforms.ecg.delineation import (
    FIDUCIALS,
    INTERVALS,
    LEVEL_S,
    P_REACH_S,
    QRS_REACH_S,
    ST_AFTER_J_S,
    ST_HALF_WIDTH_S,
    T_REACH_S,
)
from python_transforms.ecg.filtering import HIGH_HZ, BoolArray, FloatArray, IntArray

# A beat's own wave: within so much of its usual place, and not without this part of its usual size.
P_SHIFT_S, T_SHIFT_S, MIN_GAIN = 0.03, 0.05, 0.3
# A time of a single beat with a larger standard error says less than the average does.
MAX_STANDARD_ERROR_S = 0.01
# A QRS complex is at most this much wider or narrower than the usual one, or it is another kind of beat.
MAX_STRETCH = 0.3
# One tenth of 90 ms, the duration of a QRS complex, is about the error that a time may have.
MAX_STRETCH_ERROR = 0.1

BEAT_COLUMNS = (
    *FIDUCIALS,
    *INTERVALS,
    "p_amplitude_mv",
    "r_amplitude_mv",
    "t_amplitude_mv",
    "st_level_mv",
)


@dataclass(frozen=True)
class Beats:
    """Hold single beats on the grid, and the averaged beats that they are measured against; R is at ``r_column``.

    Attributes
    ----------
    mv
        Shape ``(n_beats, n_columns)``.
    segment, noise_mv
        Segment of each beat, and how far its samples lie from the average (root mean square), shape ``(n_beats,)``.
    mean_mv
        Averaged beats, shape ``(n_segments, n_columns)``.
    """

    mv: FloatArray
    segment: IntArray
    noise_mv: FloatArray
    mean_mv: FloatArray
    r_column: int
    grid_hz: float


@dataclass(frozen=True)
class _Wave:
    """Describe the waves that are fitted of each averaged beat, and their places in columns.

    The tangent is how the wave changes, to first order, with a shift in columns or a stretch; ``max_change`` and
    ``max_error`` are limits of that. The wave lies between ``first`` and ``last``, and at most ``half_width`` from its
    centre.
    """

    tangent: FloatArray
    centre: FloatArray
    first: FloatArray
    last: FloatArray
    half_width: int
    max_change: float
    max_error: float


def fit_waves(beats: Beats, averaged: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """Fit the averaged beat's waves to each single beat: find the size and place with the least squared error.

    Parameters
    ----------
    beats
        Single beats with the averaged beats of their segments.
    averaged
        Figures of these averaged beats, as :func:`python_transforms.ecg.delineation.fiducials` gives them.

    Returns
    -------
    For each name in ``BEAT_COLUMNS`` an array of shape ``(n_beats,)``; NaN where a beat does not show it.
    """
    rate, segment = beats.grid_hz, beats.segment
    ms = 1000 / rate
    column = {name: averaged[name] / ms + beats.r_column for name in FIDUCIALS}
    slope = np.gradient(beats.mean_mv, axis=1)
    p_gain, p_shift = _fit(beats, _moved_wave("p", slope, column, P_REACH_S * rate, P_SHIFT_S * rate, rate))
    t_gain, t_shift = _fit(beats, _moved_wave("t", slope, column, T_REACH_S * rate, T_SHIFT_S * rate, rate))
    _, stretch = _fit(beats, _stretched_complex(slope, column, beats.r_column, rate))
    level = _mean_around(beats, column["qrs_onset_ms"] - LEVEL_S * rate / 2, LEVEL_S * rate / 2)
    st_mv = _mean_around(beats, column["qrs_end_ms"] + ST_AFTER_J_S * rate, ST_HALF_WIDTH_S * rate) - level
    usual = {name: averaged[name][segment] for name in (*FIDUCIALS, "p_amplitude_mv", "t_amplitude_mv")}
    qrs_onset, qrs_end = usual["qrs_onset_ms"] * (1 + stretch), usual["qrs_end_ms"] * (1 + stretch)
    waves = {
        "qrs_onset_ms": qrs_onset,
        "qrs_end_ms": qrs_end,
        "qrs_duration_ms": qrs_end - qrs_onset,
        "r_amplitude_mv": beats.mv[:, beats.r_column] - level,
        "st_level_mv": st_mv,
        "p_amplitude_mv": usual["p_amplitude_mv"] * p_gain,
        "t_amplitude_mv": usual["t_amplitude_mv"] * t_gain,
    }
    waves |= {name: usual[name] + p_shift * ms for name in ("p_onset_ms", "p_peak_ms", "p_end_ms")}
    waves |= {name: usual[name] + t_shift * ms for name in ("t_onset_ms", "t_peak_ms", "t_end_ms")}
    # the bounds of a single complex are less certain than where P begins and T ends: both intervals count from the
    # average's onset
    waves["pr_interval_ms"] = usual["qrs_onset_ms"] - waves["p_onset_ms"]
    waves["qt_interval_ms"] = waves["t_end_ms"] - usual["qrs_onset_ms"]
    return waves


def _moved_wave(
    name: str, slope: FloatArray, column: dict[str, FloatArray], reach: float, max_shift: float, rate: float
) -> _Wave:
    """Describe the P or T wave (``name``), which may lie up to ``max_shift`` from its place."""
    return _Wave(
        tangent=slope,
        centre=column[f"{name}_peak_ms"],
        first=column[f"{name}_onset_ms"],
        last=column[f"{name}_end_ms"],
        half_width=round(reach),
        max_change=max_shift,
        max_error=MAX_STANDARD_ERROR_S * rate,
    )


def _stretched_complex(slope: FloatArray, column: dict[str, FloatArray], r_column: int, rate: float) -> _Wave:
    """Describe the QRS complex: in a wider one every part lies farther from R, in proportion."""
    return _Wave(
        tangent=slope * (np.arange(slope.shape[1]) - r_column),
        centre=np.full(len(slope), float(r_column)),
        first=column["qrs_onset_ms"],
        last=column["qrs_end_ms"],
        half_width=round(QRS_REACH_S * rate),
        max_change=MAX_STRETCH,
        max_error=MAX_STRETCH_ERROR,
    )


def _fit(beats: Beats, wave: _Wave) -> tuple[FloatArray, FloatArray]:
    """Find the gain and change that fit the averaged wave to each beat's, NaN where they are not certain.

    A wave that is ``a`` times as large and moved by ``s`` is ``c + a * mean - a * s * tangent`` to first order: three
    coefficients by least squares, whose weights are the same for all beats of a segment.
    """
    mv, segment, half = beats.mv, beats.segment, wave.half_width
    # filtered noise of neighbouring columns is alike, so the fit averages less of it away
    noise = beats.noise_mv * math.sqrt(max(1.0, beats.grid_hz / (2 * HIGH_HZ)))
    middle, weights, variance, is_known = _weights(beats.mean_mv, wave)
    windows = _windows(mv, segment, middle, half)
    gain, change = np.einsum("bw,bkw->kb", windows, weights[segment])
    usable = is_known[segment] & (gain > MIN_GAIN)
    change = np.divide(-change, gain, out=np.full(len(mv), np.nan), where=usable)
    error = np.divide(noise * np.sqrt(variance[segment]), gain, out=np.full(len(mv), np.inf), where=usable)
    is_certain = (np.abs(change) <= wave.max_change) & (error <= wave.max_error)
    return np.where(is_certain, gain, np.nan), np.where(is_certain, change, np.nan)


def _weights(mean: FloatArray, wave: _Wave) -> tuple[IntArray, FloatArray, FloatArray, BoolArray]:
    """Compute the weights of each segment's fit.

    Returns
    -------
    The window's middle column; weights for the gain and for minus the gain times the change, shape
    ``(n_segments, 2, n_window)``; the variance of the change where noise and gain are 1; whether there is a wave.
    """
    half = wave.half_width
    # what lies outside the window counts as its edge: only a wave at the very end of a beat is cut
    middle = np.nan_to_num(wave.centre, nan=half).round().astype(np.int64).clip(half, mean.shape[1] - 1 - half)
    columns = middle[:, None] + np.arange(-half, half + 1)
    is_wave = (columns >= wave.first[:, None]) & (columns <= wave.last[:, None])
    row = np.arange(len(mean))[:, None]
    parts = [np.ones(columns.shape), mean[row, columns], wave.tangent[row, columns]]
    model = np.stack(parts, axis=1) * is_wave[:, None, :]
    normal = model @ model.transpose(0, 2, 1)
    scale = np.sqrt(np.einsum("nii->ni", normal))
    is_known = (scale > 0).all(axis=1)
    scale[~is_known] = 1
    # scaled to a unit diagonal; the ridge only keeps what cannot be told apart from dividing by zero
    scaled = normal / (scale[:, :, None] * scale[:, None, :]) + 1e-9 * np.eye(3)
    scaled[~is_known] = np.eye(3)
    inverse = np.linalg.inv(scaled) / (scale[:, :, None] * scale[:, None, :])
    return middle, inverse[:, 1:] @ model, inverse[:, 2, 2], is_known


def _mean_around(beats: Beats, centre: FloatArray, half_width: float) -> FloatArray:
    """Average each beat around a column of its segment."""
    half = max(0, round(half_width - 0.25))
    middle = centre.round().astype(np.int64).clip(half, beats.mv.shape[1] - 1 - half)
    mean: FloatArray = _windows(beats.mv, beats.segment, middle, half).mean(axis=1)
    return mean


def _windows(mv: FloatArray, segment: IntArray, middle: IntArray, half: int) -> FloatArray:
    """Cut the ``2 * half + 1`` columns around the middle one of its segment out of each beat."""
    begin = np.arange(len(mv)) * mv.shape[1] + (middle - half)[segment]
    windows: FloatArray = sliding_window_view(mv.reshape(-1), 2 * half + 1)[begin]
    return windows
