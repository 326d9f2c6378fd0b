"""The whole ECG transform of a batch: inspect, filter, find beats, measure."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from python_transforms.ecg.beats import r_peaks
from python_transforms.ecg.features import FEATURES, beat_shape, rr_statistics
from python_transforms.ecg.filtering import (
    BoolArray,
    FloatArray,
    IntArray,
    filter_runs,
    require_duration,
    require_mains,
    slices,
)
from python_transforms.ecg.quality import inspect

# Changes whenever a figure or a filtered sample may change, so that stored rows say what made them.
TRANSFORM_VERSION = "2"


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

    Each run comes out as it would alone. Beside input and output, memory is needed for a slice of the runs only.

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
        features={name: np.concatenate([part.features[name] for part in parts]) for name in FEATURES},
        is_usable=np.concatenate([part.is_usable for part in parts]),
        unusable_reason=[reason for part in parts for reason in part.unusable_reason],
    )


def _transform(raw: FloatArray, sampling_rate_hz: float, mains_hz: float | None, filtered: FloatArray) -> EcgBatch:
    """A slice of the batch; its filtered signals are written into ``filtered``."""
    n_runs = len(raw)
    found = inspect(raw, sampling_rate_hz)
    is_usable = np.array([reason is None for reason in found.unusable_reason], bool)
    first = np.where(is_usable, found.flat_start_sample_count, 0)
    if is_usable.any():
        _, mains = filter_runs(found.filled_mv, sampling_rate_hz, mains_hz, first, out=filtered)
        run, index = r_peaks(filtered, sampling_rate_hz)
    else:
        filtered[:], mains = 0, np.full(n_runs, np.nan)
        run, index = np.zeros((2, 0), np.int64)
    is_signal = index >= first[run]
    run, index = run[is_signal], index[is_signal]
    shape = beat_shape(filtered, run, index, first, sampling_rate_hz)
    for row in np.flatnonzero(first):
        filtered[row, : first[row]] = filtered[row, first[row]]
    low, high = filtered.min(axis=1), filtered.max(axis=1)
    for row in np.flatnonzero(first):
        filtered[row, : first[row]] = 0
    filtered[~is_usable] = np.nan
    count = np.bincount(run, minlength=n_runs)
    is_up = np.bincount(run, weights=filtered[run, index] > 0, minlength=n_runs)
    features: dict[str, NDArray[Any]] = {
        "raw_min_mv": found.raw_min_mv,
        "raw_max_mv": found.raw_max_mv,
        "filtered_min_mv": np.where(is_usable, low, np.nan),
        "filtered_max_mv": np.where(is_usable, high, np.nan),
        "mains_frequency_hz": np.where(is_usable, mains, np.nan),
        "flat_start_sample_count": found.flat_start_sample_count,
        "interpolated_sample_count": found.interpolated_sample_count,
        "longest_gap_ms": found.longest_gap_ms,
        "constant_sample_count": found.constant_sample_count,
        "clipped_sample_count": found.clipped_sample_count,
        "is_inverted": is_up < count / 2,
        "beat_count": count,
        **rr_statistics(run, index, n_runs, sampling_rate_hz),
        **shape,
    }
    return EcgBatch(
        filtered_mv=filtered,
        r_peak_index=np.split(index, np.cumsum(count)[:-1]) if n_runs else [],
        features=features,
        is_usable=is_usable,
        unusable_reason=found.unusable_reason,
    )
