"""Figures of an ECG run: heart rate, RR-interval statistics, R amplitude, QRS duration, signal quality."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from python_transforms.ecg.filtering import FloatArray, IntArray


@dataclass(frozen=True)
class FeatureDefinition:
    """Unit, meaning and warehouse type of a feature column."""

    unit: str
    description: str
    dtype: Literal["DOUBLE", "BIGINT", "BOOLEAN"] = "DOUBLE"


FEATURES: dict[str, FeatureDefinition] = {
    "raw_min_mv": FeatureDefinition("mV", "Lowest raw value after the flat start."),
    "raw_max_mv": FeatureDefinition("mV", "Highest raw value after the flat start."),
    "filtered_min_mv": FeatureDefinition("mV", "Lowest filtered value after the flat start."),
    "filtered_max_mv": FeatureDefinition("mV", "Highest filtered value after the flat start."),
    "mains_frequency_hz": FeatureDefinition("Hz", "Mains hum that was found (or given) and taken out: 50, 60 or null."),
    "flat_start_sample_count": FeatureDefinition(
        "samples", "Samples of a flat line that the run begins with; they count for nothing.", "BIGINT"
    ),
    "interpolated_sample_count": FeatureDefinition("samples", "Missing samples in gaps of up to 200 ms.", "BIGINT"),
    "longest_gap_ms": FeatureDefinition("ms", "Longest stretch of missing samples, 0 without any."),
    "constant_sample_count": FeatureDefinition(
        "samples", "Samples in stretches of equal values longer than 200 ms, the flat start aside.", "BIGINT"
    ),
    "clipped_sample_count": FeatureDefinition(
        "samples", "Samples in stretches of 10 ms and more at the run's lowest or highest value.", "BIGINT"
    ),
    "is_inverted": FeatureDefinition("", "Whether the main deflection of the QRS complex points down.", "BOOLEAN"),
    "beat_count": FeatureDefinition("beats", "R peaks found.", "BIGINT"),
    "heart_rate_bpm": FeatureDefinition("1/min", "60,000 over the mean interval between beats."),
    "mean_nn_ms": FeatureDefinition("ms", "Mean interval between successive R peaks."),
    "sdnn_ms": FeatureDefinition("ms", "Standard deviation of the intervals (n - 1)."),
    "rmssd_ms": FeatureDefinition("ms", "Root mean square of the differences of successive intervals."),
    "sdsd_ms": FeatureDefinition("ms", "Standard deviation of the differences of successive intervals (n - 1)."),
    "pnn50_pct": FeatureDefinition("%", "Share of the differences of successive intervals that exceed 50 ms."),
    "r_amplitude_mv": FeatureDefinition("mV", "Median filtered value at the R peaks, negative when inverted."),
    "qrs_duration_ms": FeatureDefinition("ms", "Duration of the QRS complex of the mean beat."),
    "signal_quality": FeatureDefinition("", "Mean correlation of the beats with the mean beat, up to 1."),
}


def rr_statistics(r_peak_index: list[IntArray], sampling_rate_hz: float) -> dict[str, FloatArray]:
    """Time-domain statistics of the intervals between beats (first version)."""
    names = ("heart_rate_bpm", "mean_nn_ms", "sdnn_ms", "rmssd_ms", "sdsd_ms", "pnn50_pct")
    out = {name: np.full(len(r_peak_index), np.nan) for name in names}
    for row, peaks in enumerate(r_peak_index):
        rr = np.diff(peaks) * 1000 / sampling_rate_hz
        if len(rr) >= 1:
            out["mean_nn_ms"][row] = rr.mean()
            out["heart_rate_bpm"][row] = 60000 / rr.mean()
        if len(rr) >= 2:
            out["sdnn_ms"][row] = rr.std(ddof=1)
            out["rmssd_ms"][row] = np.sqrt(np.mean(np.diff(rr) ** 2))
            out["pnn50_pct"][row] = 100 * np.mean(np.abs(np.diff(rr)) > 50)
        if len(rr) >= 3:
            out["sdsd_ms"][row] = np.diff(rr).std(ddof=1)
    return out
