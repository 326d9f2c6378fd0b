"""The whole ECG transform of a batch: inspect, filter, find beats, measure."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from python_transforms.ecg.beats import detect_r_peaks
from python_transforms.ecg.features import FEATURES, rr_statistics
from python_transforms.ecg.filtering import BoolArray, FloatArray, IntArray, filter_runs, require_duration
from python_transforms.ecg.quality import inspect

# Grows whenever any figure or filtered sample may change, so that stored rows say what made them.
TRANSFORM_VERSION = "1"


@dataclass(frozen=True)
class EcgBatch:
    """What became of a batch of runs, row for row.

    Attributes
    ----------
    filtered_mv
        Filtered signals in millivolts, shape ``(n_runs, n_samples)``: 0 in a flat start, NaN throughout an unusable
        run.
    r_peak_index
        Sample indices of the R peaks of each run, ascending; none in an unusable run.
    features
        One array of shape ``(n_runs,)`` for each name in ``FEATURES``; NaN where a figure is not known.
    is_usable
        Shape ``(n_runs,)``.
    unusable_reason
        Why a run cannot be used, None where it can.
    """

    filtered_mv: FloatArray
    r_peak_index: list[IntArray]
    features: dict[str, NDArray[Any]]
    is_usable: BoolArray
    unusable_reason: list[str | None]


def transform_batch(ecg_mv: FloatArray, sampling_rate_hz: float, mains_hz: float | None = None) -> EcgBatch:
    """Filter runs of equal length and rate, find their R peaks and measure them.

    Parameters
    ----------
    ecg_mv
        Raw signals in millivolts, NaN where samples are missing, shape ``(n_runs, n_samples)``.
    sampling_rate_hz
        Samples a second, the same for all runs.
    mains_hz
        Mains frequency to take out (50 or 60); None to look for it in each run.

    Raises
    ------
    ValueError
        If the array is not 2-D, lasts less than 2 s, holds infinite values, or ``mains_hz`` is neither 50 nor 60.
    """
    raw = np.asarray(ecg_mv, dtype=np.float64)
    if raw.ndim != 2:
        raise ValueError(f"the signals have {raw.ndim} dimensions, expected 2: (n_runs, n_samples)")
    require_duration(raw.shape[1], sampling_rate_hz)
    found = inspect(raw, sampling_rate_hz)
    is_usable = np.array([reason is None for reason in found.unusable_reason], bool)
    first = np.where(is_usable, found.flat_start_sample_count, 0)
    filtered, mains = filter_runs(found.filled_mv, sampling_rate_hz, mains_hz, first)
    peaks = [run[run >= start] for run, start in zip(detect_r_peaks(filtered, sampling_rate_hz), first, strict=True)]
    for row in np.flatnonzero(first):
        filtered[row, : first[row]] = 0
    filtered[~is_usable] = np.nan
    low, high = filtered.min(axis=1, initial=np.inf), filtered.max(axis=1, initial=-np.inf)
    at_peaks = [run[index] for run, index in zip(filtered, peaks, strict=True)]
    amplitude = np.array([np.median(values) if len(values) else np.nan for values in at_peaks])
    nothing = np.full(len(raw), np.nan)
    features: dict[str, NDArray[Any]] = {
        "raw_min_mv": found.raw_min_mv,
        "raw_max_mv": found.raw_max_mv,
        "filtered_min_mv": low,
        "filtered_max_mv": high,
        "mains_frequency_hz": np.where(is_usable, mains, np.nan),
        "flat_start_sample_count": found.flat_start_sample_count,
        "interpolated_sample_count": found.interpolated_sample_count,
        "longest_gap_ms": found.longest_gap_ms,
        "constant_sample_count": found.constant_sample_count,
        "clipped_sample_count": found.clipped_sample_count,
        "is_inverted": amplitude < 0,
        "beat_count": np.array([len(run) for run in peaks], np.int64),
        **rr_statistics(peaks, sampling_rate_hz),
        "r_amplitude_mv": amplitude,
        "qrs_duration_ms": nothing,
        "signal_quality": nothing.copy(),
    }
    assert features.keys() == FEATURES.keys()
    return EcgBatch(filtered, peaks, features, is_usable, found.unusable_reason)
