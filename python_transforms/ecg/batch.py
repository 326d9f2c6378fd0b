"""Transform a batch of ECG runs: inspect, filter, find beats, measure."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from python_transforms.ecg.beat_measurement import MeasuredBeats, measure_beats
from python_transforms.ecg.beat_waves import BEAT_COLUMNS
from python_transforms.ecg.beats import r_peaks
from python_transforms.ecg.delineation import AVERAGED_FIGURES
from python_transforms.ecg.features import mean_by_run, median_by_run, rr_statistics
from python_transforms.ecg.filtering import (
    BoolArray,
    FloatArray,
    IntArray,
    filter_runs,
    require_duration,
    require_mains,
    slices,
)
from python_transforms.ecg.quality import inspect, window_quality
from python_transforms.ecg.rhythm import LEAST_CORRELATION, Rhythm, classify_intervals
from python_transforms.ecg_features import FEATURES

# Changes whenever a figure or a filtered sample may change by more than rounding: stored rows say what made them.
TRANSFORM_VERSION = "4"

# Figures of single beats, in the order of the rows of `EcgBatch.beats`; flags are 0 or 1.
BEAT_FIGURES = ("rr_ms", "is_normal", "is_ectopic", "is_misdetected", "correlation", *BEAT_COLUMNS)


@dataclass(frozen=True)
class EcgBatch:
    """Hold the results of a batch of runs, row for row.

    Attributes
    ----------
    filtered_mv
        Filtered signals in millivolts, shape ``(n_runs, n_samples)``: 0 in a flat start, NaN throughout an unusable
        run.
    r_peak_index
        Sample indices of the R peaks of each run, ascending; none in an unusable run.
    beats
        Figures of the beats of all runs one after the other, a row for each name in ``BEAT_FIGURES``, shape
        ``(len(BEAT_FIGURES), n_beats)``, float32; NaN where a figure is not known.
    features
        One array of shape ``(n_runs,)`` for each name in ``FEATURES``; NaN where a figure is not known.
    window_quality
        Signal quality index of each window of 10 s, shape ``(n_runs, n_windows)``; NaN throughout an unusable run.
    is_usable
        Shape ``(n_runs,)``.
    unusable_reason
        Why a run cannot be used, None where it can.
    """

    filtered_mv: FloatArray
    r_peak_index: list[IntArray]
    beats: NDArray[np.float32]
    features: dict[str, NDArray[Any]]
    window_quality: FloatArray
    is_usable: BoolArray
    unusable_reason: list[str | None]


def transform_batch(ecg_mv: FloatArray, sampling_rate_hz: float, mains_hz: float | None = None) -> EcgBatch:
    """Filter runs of equal length and rate, find their R peaks and measure them.

    Each run comes out as it would alone. Beside input and output, memory is needed for a slice of the runs only.

    Parameters
    ----------
    ecg_mv
        Raw signals in millivolts, NaN where samples are missing, shape ``(n_runs, n_samples)``.
    sampling_rate_hz
        Samples a second, the same for all runs.
    mains_hz
        Mains frequency to take out (50 or 60); None to look for it in each run.

    Returns
    -------
    Filtered signals, R peaks, figures of beats and features, row for row.

    Raises
    ------
    ValueError
        If the array is not 2-D, lasts less than 2 s, holds infinite values, or ``mains_hz`` is neither 50 nor 60.
        Whatever else is wrong with a run makes it unusable, with a reason.
    """
    raw = np.asarray(ecg_mv, dtype=np.float64)
    if raw.ndim != 2:
        raise ValueError(f"the signals have {raw.ndim} dimensions, expected 2: (n_runs, n_samples)")
    require_duration(raw.shape[1], sampling_rate_hz)
    require_mains(mains_hz)
    all_rows = list(slices(*raw.shape)) or [slice(0, 0)]
    filtered = np.empty_like(raw)
    parts = [_transform(raw[rows], sampling_rate_hz, mains_hz, filtered[rows]) for rows in all_rows]
    return EcgBatch(
        filtered_mv=filtered,
        r_peak_index=[index for part in parts for index in part.r_peak_index],
        beats=np.concatenate([part.beats for part in parts], axis=1),
        features={name: np.concatenate([part.features[name] for part in parts]) for name in FEATURES},
        window_quality=np.concatenate([part.window_quality for part in parts]),
        is_usable=np.concatenate([part.is_usable for part in parts]),
        unusable_reason=[reason for part in parts for reason in part.unusable_reason],
    )


def _transform(raw: FloatArray, sampling_rate_hz: float, mains_hz: float | None, filtered: FloatArray) -> EcgBatch:
    """Transform a slice of the batch; its filtered signals are written into ``filtered``."""
    n_runs = len(raw)
    inspected = inspect(raw, sampling_rate_hz)
    is_usable = np.array([reason is None for reason in inspected.unusable_reason], bool)
    first = np.where(is_usable, inspected.flat_start_sample_count, 0)
    if is_usable.any():
        _, mains = filter_runs(inspected.ready_mv, sampling_rate_hz, mains_hz, first, out=filtered)
        run, index = r_peaks(filtered, sampling_rate_hz)
    else:
        filtered[:], mains = 0, np.full(n_runs, np.nan)
        run, index = np.zeros((2, 0), np.int64)
    is_signal = index >= first[run]
    run, index = run[is_signal], index[is_signal]
    rhythm = classify_intervals(run, index, sampling_rate_hz)
    measured = measure_beats(
        filtered,
        run,
        index,
        rhythm.rr_ms,
        ~(rhythm.is_ectopic | rhythm.is_extra),
        first,
        sampling_rate_hz,
        LEAST_CORRELATION,
    )
    quality = window_quality(inspected.ready_mv, filtered, run, index, measured.correlation, sampling_rate_hz)
    quality[~is_usable] = np.nan
    beats, rhythm_features = _judge(rhythm, measured, run, index, n_runs, sampling_rate_hz)
    for row in np.flatnonzero(first):
        filtered[row, : first[row]] = filtered[row, first[row]]
    low, high = filtered.min(axis=1), filtered.max(axis=1)
    for row in np.flatnonzero(first):
        filtered[row, : first[row]] = 0
    filtered[~is_usable] = np.nan
    count = np.bincount(run, minlength=n_runs)
    is_up = np.bincount(run, weights=filtered[run, index] > 0, minlength=n_runs)
    features: dict[str, NDArray[Any]] = {
        "raw_min_mv": inspected.raw_min_mv,
        "raw_max_mv": inspected.raw_max_mv,
        "filtered_min_mv": np.where(is_usable, low, np.nan),
        "filtered_max_mv": np.where(is_usable, high, np.nan),
        "mains_frequency_hz": np.where(is_usable, mains, np.nan),
        "flat_start_sample_count": inspected.flat_start_sample_count,
        "interpolated_sample_count": inspected.interpolated_sample_count,
        "artefact_sample_count": inspected.artefact_sample_count,
        "longest_gap_ms": inspected.longest_gap_ms,
        "constant_sample_count": inspected.constant_sample_count,
        "clipped_sample_count": inspected.clipped_sample_count,
        "is_inverted": is_up < count / 2,
        "beat_count": count,
        **rhythm_features,
        **_averaged_features(measured, rhythm_features["mean_nn_ms"], run, n_runs),
        "quality_index": quality.mean(axis=1),
        "min_quality_index": quality.min(axis=1),
    }
    return EcgBatch(
        filtered_mv=filtered,
        r_peak_index=np.split(index, np.cumsum(count)[:-1]) if n_runs else [],
        beats=beats,
        features=features,
        window_quality=quality,
        is_usable=is_usable,
        unusable_reason=inspected.unusable_reason,
    )


def _judge(
    rhythm: Rhythm, measured: MeasuredBeats, run: IntArray, index: IntArray, n_runs: int, sampling_rate_hz: float
) -> tuple[NDArray[np.float32], dict[str, NDArray[Any]]]:
    """Decide which beats are normal; return all beats' figures, and statistics of intervals between normal beats."""
    is_unlike = measured.correlation < LEAST_CORRELATION
    is_ectopic = rhythm.is_ectopic | (is_unlike & rhythm.is_premature & ~rhythm.is_extra)
    is_misdetected = ~is_ectopic & (rhythm.is_extra | is_unlike)
    is_normal = ~(is_ectopic | is_misdetected)
    is_nn = np.isfinite(rhythm.rr_ms) & rhythm.is_interval_whole & is_normal
    is_nn[1:] &= is_normal[:-1]
    figures = {
        "rr_ms": rhythm.rr_ms,
        "is_normal": is_normal,
        "is_ectopic": is_ectopic,
        "is_misdetected": is_misdetected,
        "correlation": measured.correlation,
        **measured.beat,
    }
    beats = np.empty((len(BEAT_FIGURES), len(run)), np.float32)
    for row, name in enumerate(BEAT_FIGURES):
        beats[row] = figures[name]
    return beats, {
        "ectopic_beat_count": np.bincount(run[is_ectopic], minlength=n_runs),
        "misdetected_beat_count": np.bincount(run[is_misdetected], minlength=n_runs),
        "nn_interval_count": np.bincount(run[is_nn], minlength=n_runs),
        **rr_statistics(run, index, n_runs, sampling_rate_hz, is_nn),
    }


def _averaged_features(
    measured: MeasuredBeats, mean_nn_ms: FloatArray, run: IntArray, n_runs: int
) -> dict[str, NDArray[Any]]:
    """Sum up the averaged beats (of a long run the median over its segments), and figures of all beats of a run."""
    averaged = {name: median_by_run(measured.averaged[name], measured.segment_run, n_runs) for name in AVERAGED_FIGURES}
    is_known = np.isfinite(measured.correlation)
    rr_s = mean_nn_ms / 1000
    return averaged | {
        "qtc_bazett_ms": averaged["qt_interval_ms"] / np.sqrt(rr_s),
        "qtc_fridericia_ms": averaged["qt_interval_ms"] / np.cbrt(rr_s),
        "r_amplitude_mv": median_by_run(measured.beat["r_amplitude_mv"], run, n_runs),
        "signal_quality": mean_by_run(measured.correlation[is_known], run[is_known], n_runs),
    }
