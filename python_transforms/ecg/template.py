"""Compute the mean beat of an ECG run, the template that its person is known by.

Beats are aligned with their median beat, the least typical are left out, and the mean of the rest is put on a fixed
time axis on which its T wave lies where it would at 60 beats a minute. Runs with about equally many beats are worked
on together, filled up to the most of them: what is done in a few large steps lets other threads run.

References
----------
Sagie, A. et al. (1992). An improved method for adjusting the QT interval for heart rate (the Framingham Heart Study).
Am. J. Cardiol. 70, 797-801.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import ndimage

from python_transforms.ecg.features import median_by_run
from python_transforms.ecg.filtering import FloatArray, IntArray

# Beats that were cut out, shape (n_runs, n_beats, n_samples), or one of each run; as signals are stored. Of a run with
# fewer than others beside it the last are 0.
Beats = NDArray[np.float32]

# Beats are cut out and aligned at this rate, whatever the run's own: steps of 2 ms.
BEAT_RATE_HZ = 500.0
# What is cut out around R holds the template also where a slow heart stretches it and alignment moves it.
BEAT_BEFORE_S, BEAT_AFTER_S = 0.4, 0.7
# P wave to the end of the T wave at 60 beats a minute; the filter leaves nothing above 40 Hz, so 125 Hz lose nothing.
TEMPLATE_RATE_HZ = 125.0
TEMPLATE_BEFORE_S, TEMPLATE_AFTER_S = 0.248, 0.424
# With fewer whole beats a template is mostly noise, and has no typical beats to choose.
MIN_BEATS = 3
# Of a recording of hours as many beats, spread evenly, bound time and memory; 20 s have 15 to 40.
MAX_BEATS = 240
# Beats are moved by up to so much, to where their QRS complex is most like the median beat's.
ALIGN_S = 0.03
QRS_S = 0.1
# How typical a beat is: its correlation with the median beat from P to T wave. The least typical share is left out.
TYPICAL_BEFORE_S, TYPICAL_AFTER_S = 0.2, 0.45
DROPPED_SHARE = 0.3
# The template's origin is the centre of the QRS complex's squared slope within so much of R, where the slope squared
# exceeds 2 % of its greatest. The R peak itself jumps from one wave to another where two are about as high.
CENTRE_S = 0.12
CENTRE_FLOOR = 0.02
# Framingham: QT grows by 154 ms for each second of RR. A QT of 0.40 s at 60 beats a minute is usual; the time axis is
# stretched from the end of the QRS complex on.
QT_S, QT_SLOPE, QT_BEGIN_S = 0.40, 0.154, 0.08
# Rates of 30 to 200 beats a minute are corrected for; a median interval beyond is no sinus rhythm's.
RR_LIMITS_S = (0.3, 2.0)
# So many beats at once: 5 MB of them, some 80 runs of 20 s. Half of that leaves two threads in each other's way, twice
# as many are beyond the caches.
BEATS_AT_ONCE = 2048
# Single precision has 7 digits: of a constant stretch no more than this part of a beat's energy is left.
CONSTANT = 1e-5

# Where R lies in a beat that was cut out, in samples, and how many there are.
_R = round(BEAT_BEFORE_S * BEAT_RATE_HZ)
_OFFSETS = np.arange(-_R, round(BEAT_AFTER_S * BEAT_RATE_HZ) + 1)
BEAT_SAMPLES = len(_OFFSETS)
_TEMPLATE_TIME_S = (
    np.arange(round(-TEMPLATE_BEFORE_S * TEMPLATE_RATE_HZ), round(TEMPLATE_AFTER_S * TEMPLATE_RATE_HZ) + 1)
    / TEMPLATE_RATE_HZ
)
TEMPLATE_SAMPLES = len(_TEMPLATE_TIME_S)


def beat_templates(
    filtered_mv: Sequence[NDArray[np.floating]], r_peak_index: Sequence[NDArray[np.integer]], sampling_rate_hz: float
) -> FloatArray:
    """Compute each run's mean beat at 60 beats a minute.

    Parameters
    ----------
    filtered_mv
        Filtered signals in millivolts, each of shape ``(n_samples,)``, of any lengths.
    r_peak_index
        Sample indices of the R peaks of each, ascending.
    sampling_rate_hz
        Samples a second, the same for all.

    Returns
    -------
    Templates in millivolts at 125 Hz, shape ``(n_runs, TEMPLATE_SAMPLES)``; NaN throughout where fewer than three beats
    lie wholly within the run, or nothing of the signal rises or falls.
    """
    templates = np.full((len(filtered_mv), TEMPLATE_SAMPLES), np.nan)
    whole = [
        _whole_beats(len(one), np.asarray(index, np.int64), sampling_rate_hz)
        for one, index in zip(filtered_mv, r_peak_index, strict=True)
    ]
    counts = np.array([len(index) for index in whole], np.int64)
    rr_s = _median_rr_s(r_peak_index, sampling_rate_hz)
    for rows in _alike(counts):
        beats = np.zeros((len(rows), counts[rows].max(), BEAT_SAMPLES), np.float32)
        for own, row in zip(beats, rows, strict=True):
            _cut(filtered_mv[row], whole[row], sampling_rate_hz, own[: counts[row]])
        mean_beats = _typical_mean(_aligned(beats, counts[rows]), counts[rows])
        templates[rows] = _at_sixty_a_minute(mean_beats, rr_s[rows])
    return templates


def _alike(counts: IntArray) -> Iterator[IntArray]:
    """Yield the runs with enough beats, those with about equally many together: ``BEATS_AT_ONCE`` with the padding."""
    rows = np.argsort(counts, kind="stable")
    rows = rows[counts[rows] >= MIN_BEATS]
    while len(rows):
        size = np.arange(1, len(rows) + 1) * counts[rows]
        stop = max(1, int(np.searchsorted(size, BEATS_AT_ONCE, "right")))
        yield rows[:stop]
        rows = rows[stop:]


def _median_rr_s(r_peak_index: Sequence[NDArray[np.integer]], sampling_rate_hz: float) -> FloatArray:
    """Compute the median interval between the beats of each run, NaN of fewer than two."""
    run = np.repeat(np.arange(len(r_peak_index)), [len(index) for index in r_peak_index])
    rr = np.diff(np.concatenate([np.zeros(0), *r_peak_index]))
    is_within = run[1:] == run[:-1]
    return median_by_run(rr[is_within], run[1:][is_within], len(r_peak_index)) / sampling_rate_hz


def _whole_beats(n_samples: int, index: IntArray, sampling_rate_hz: float) -> IntArray:
    """Choose the R peaks of the beats that lie wholly within the run; of many ``MAX_BEATS``, spread evenly."""
    begin, end = index - BEAT_BEFORE_S * sampling_rate_hz, index + BEAT_AFTER_S * sampling_rate_hz
    whole = index[(begin >= 0) & (end <= n_samples - 1)]
    if len(whole) > MAX_BEATS:
        whole = whole[np.linspace(0, len(whole) - 1, MAX_BEATS).astype(np.int64)]
    return whole


def _cut(signal: NDArray[np.floating], r_peak_index: IntArray, sampling_rate_hz: float, beats: Beats) -> None:
    """Cut out the signal around R peaks; between samples by a cubic spline, which keeps the height of QRS complexes."""
    step = sampling_rate_hz / BEAT_RATE_HZ
    if step == int(step):
        stretches = sliding_window_view(signal, (BEAT_SAMPLES - 1) * int(step) + 1)[:, :: int(step)]
        beats[:] = stretches[r_peak_index - _R * int(step)]
        return
    for beat, r_peak in zip(beats, r_peak_index, strict=True):
        places = r_peak + _OFFSETS * step
        begin, end = max(0, int(places[0]) - 10), min(len(signal), int(places[-1]) + 12)
        ndimage.map_coordinates(signal[begin:end], [places - begin], output=beat, order=3, mode="nearest")


def _aligned(beats: Beats, counts: IntArray) -> Beats:
    """Move each beat to where its QRS complex correlates most with that of its run's median beat."""
    reach, half = round(ALIGN_S * BEAT_RATE_HZ), round(QRS_S * BEAT_RATE_HZ)
    model = _median(beats[..., _R - half : _R + half + 1], counts)
    around = beats[..., _R - half - reach : _R + half + reach + 1]
    lag = _correlation(around, model).argmax(axis=-1)
    n_runs, n_beats, n_samples = beats.shape
    padded = np.empty((n_runs, n_beats, n_samples + 2 * reach), beats.dtype)
    padded[..., reach:-reach] = beats
    padded[..., :reach], padded[..., -reach:] = beats[..., :1], beats[..., -1:]
    run, beat = np.indices(lag.shape, sparse=True)
    moved: Beats = sliding_window_view(padded, n_samples, axis=-1)[run, beat, lag]
    return moved


def _typical_mean(beats: Beats, counts: IntArray) -> FloatArray:
    """Average the beats of each run, without those that are least like its median beat."""
    part = beats[..., _R - round(TYPICAL_BEFORE_S * BEAT_RATE_HZ) : _R + round(TYPICAL_AFTER_S * BEAT_RATE_HZ)]
    likeness = _correlation(part, _median(part, counts))[..., 0]
    likeness[np.arange(beats.shape[1]) >= counts[:, None]] = -np.inf
    n_chosen = np.maximum(MIN_BEATS, np.ceil(counts * (1 - DROPPED_SHARE))).astype(np.int64)
    rank = np.argsort(-likeness, axis=1, kind="stable").argsort(axis=1)
    is_chosen = (rank < n_chosen[:, None]).astype(beats.dtype)
    mean: FloatArray = (is_chosen[:, None] @ beats)[:, 0].astype(np.float64)
    mean /= n_chosen[:, None]
    return mean


def _median(beats: Beats, counts: IntArray) -> Beats:
    """Compute the median beat of each run; sorting along rows takes a fifth of the time of ``np.median`` across."""
    ordered = beats.swapaxes(1, 2).copy()
    np.copyto(ordered, np.inf, where=(np.arange(beats.shape[1]) >= counts[:, None])[:, None])
    ordered.sort(axis=2)
    run = np.arange(len(beats))
    middle: Beats = ordered[run, :, (counts - 1) // 2] + ordered[run, :, counts // 2]
    middle /= 2
    return middle


def _correlation(beats: Beats, model: Beats) -> Beats:
    """Correlate a run's model with each stretch of its length of each beat (Pearson); 0 where either is constant.

    Sums over all stretches are products with banded matrices: a matrix product is faster than a running sum, and lets
    other threads run.
    """
    size, n_lags = model.shape[-1], beats.shape[-1] - model.shape[-1] + 1
    beats = beats - beats.mean(axis=-1, keepdims=True)
    model = model - model.mean(axis=-1, keepdims=True)
    sums = _banded(np.ones((1, size), beats.dtype), n_lags)
    energy = np.square(beats) @ sums - np.square(beats @ sums) / size
    norm = np.sqrt(np.maximum(energy, 0) * np.einsum("ij,ij->i", model, model)[:, None, None])
    # what is left of a constant stretch is rounding
    is_alive = energy > CONSTANT * np.einsum("...i,...i", beats, beats)[..., None]
    correlation: Beats = np.where(
        is_alive & (norm > 0), beats @ _banded(model, n_lags) / np.where(norm > 0, norm, 1), 0
    )
    return correlation


def _banded(rows: Beats, n_lags: int) -> Beats:
    """Make a matrix of each row, shape ``(size + n_lags - 1, n_lags)``: in column ``lag`` the row begins at ``lag``."""
    n_rows, size = rows.shape
    banded = np.zeros((n_rows, size + n_lags - 1, n_lags), rows.dtype)
    for lag in range(n_lags):
        banded[:, lag : lag + size, lag] = rows
    return banded


def _at_sixty_a_minute(mean_beats: FloatArray, rr_s: FloatArray) -> FloatArray:
    """Resample mean beats from the centres of their QRS complexes on, at template rate and a second between beats."""
    stretch = (QT_S - QT_SLOPE * (1 - np.clip(rr_s, *RR_LIMITS_S)) - QT_BEGIN_S) / (QT_S - QT_BEGIN_S)
    late = np.maximum(_TEMPLATE_TIME_S - QT_BEGIN_S, 0)
    time_s = np.minimum(_TEMPLATE_TIME_S, QT_BEGIN_S) + late * stretch[:, None]
    at = time_s * BEAT_RATE_HZ + _qrs_centre(mean_beats)[:, None]
    samples = np.arange(mean_beats.shape[1])
    return np.stack([np.interp(places, samples, beat) for places, beat in zip(at, mean_beats, strict=True)])


def _qrs_centre(beats: FloatArray) -> FloatArray:
    """Find the middle of the QRS complex, in samples; NaN without one."""
    half = round(CENTRE_S * BEAT_RATE_HZ)
    around = beats[:, _R - half - 1 : _R + half + 2]
    steepness = np.square(around[:, 2:] - around[:, :-2])
    steepness[steepness < CENTRE_FLOOR * steepness.max(axis=1, keepdims=True)] = 0
    total = steepness.sum(axis=1)
    middle = (steepness * np.arange(_R - half, _R + half + 1)).sum(axis=1)
    centre: FloatArray = np.divide(middle, total, out=np.full(len(beats), np.nan), where=total > 0)
    return centre
