"""The contract of an ECG run's features: name, unit, meaning and type, for the transforms, the warehouse and dbt.

A module without numpy, since commands that compute nothing make the raw table from it. dbt's list of the columns
(macros/ecg/ecg_features.sql) and the descriptions of the mart `run` are tested against it.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class FeatureDefinition:
    """Unit, meaning and warehouse type of a feature column."""

    unit: str
    description: str
    dtype: Literal["DOUBLE", "BIGINT", "BOOLEAN"] = "DOUBLE"


FEATURES: dict[str, FeatureDefinition] = {
    "raw_min_mv": FeatureDefinition("mV", "Lowest sample as received after the flat start, in mV."),
    "raw_max_mv": FeatureDefinition("mV", "Highest sample as received after the flat start, in mV."),
    "filtered_min_mv": FeatureDefinition("mV", "Lowest filtered sample after the flat start, in mV."),
    "filtered_max_mv": FeatureDefinition("mV", "Highest filtered sample after the flat start, in mV."),
    "mains_frequency_hz": FeatureDefinition(
        "Hz", "Mains hum that was found and taken out, 50 or 60 Hz; null where there was none."
    ),
    "flat_start_sample_count": FeatureDefinition(
        "samples", "Samples of the flat line that the run begins with; all other figures leave them out.", "BIGINT"
    ),
    "interpolated_sample_count": FeatureDefinition(
        "samples", "Missing samples in gaps of up to 200 ms, which were interpolated.", "BIGINT"
    ),
    "artefact_sample_count": FeatureDefinition(
        "samples",
        "Steps from sample to sample five times as steep as beats are (a loose plug), which were limited before "
        "the filter.",
        "BIGINT",
    ),
    "longest_gap_ms": FeatureDefinition("ms", "Longest stretch of missing samples in ms; 0 without any."),
    "constant_sample_count": FeatureDefinition(
        "samples", "Samples in stretches of equal values longer than 200 ms, the flat start aside.", "BIGINT"
    ),
    "clipped_sample_count": FeatureDefinition(
        "samples", "Samples in stretches of 10 ms and more at the run's lowest or highest value.", "BIGINT"
    ),
    "is_inverted": FeatureDefinition(
        "", "Whether the main deflection of the QRS complex points down, as with exchanged electrodes.", "BOOLEAN"
    ),
    "beat_count": FeatureDefinition("beats", "R peaks found, ectopic and misdetected ones included.", "BIGINT"),
    "ectopic_beat_count": FeatureDefinition(
        "beats",
        "Beats with irregular timing, or early and with another shape (after Lipponen and Tarvainen 2019).",
        "BIGINT",
    ),
    "misdetected_beat_count": FeatureDefinition(
        "beats", "R peaks that are probably not beats: they split an interval, or are unlike the run's beats.", "BIGINT"
    ),
    "nn_interval_count": FeatureDefinition(
        "intervals",
        "Intervals between successive normal beats (NN) with no beat missing; all interval statistics use these.",
        "BIGINT",
    ),
    "heart_rate_bpm": FeatureDefinition("1/min", "60,000 over mean_nn_ms, in beats a minute."),
    "mean_nn_ms": FeatureDefinition("ms", "Mean interval between successive normal beats (NN) in ms."),
    "sdnn_ms": FeatureDefinition("ms", "Standard deviation of the NN intervals in ms (Task Force 1996)."),
    "rmssd_ms": FeatureDefinition(
        "ms", "Root mean square of the differences of successive NN intervals in ms (Task Force 1996)."
    ),
    "sdsd_ms": FeatureDefinition(
        "ms", "Standard deviation of the differences of successive NN intervals in ms (Task Force 1996)."
    ),
    "pnn50_pct": FeatureDefinition(
        "%", "Share of the differences of successive NN intervals that exceed 50 ms, in percent."
    ),
    "r_amplitude_mv": FeatureDefinition(
        "mV", "Median height of the R peaks above the level before the QRS complex in mV, negative when inverted."
    ),
    "qrs_duration_ms": FeatureDefinition("ms", "Duration of the QRS complex of the averaged beat in ms."),
    "pr_interval_ms": FeatureDefinition(
        "ms",
        "From the onset of the P wave to that of the QRS complex in ms, on the averaged beat; null without a P wave.",
    ),
    "qt_interval_ms": FeatureDefinition(
        "ms", "From the onset of the QRS complex to the end of the T wave in ms, on the averaged beat."
    ),
    "qtc_bazett_ms": FeatureDefinition(
        "ms", "qt_interval_ms over the square root of mean_nn_ms in s (Bazett 1920), in ms."
    ),
    "qtc_fridericia_ms": FeatureDefinition(
        "ms", "qt_interval_ms over the cube root of mean_nn_ms in s (Fridericia 1920), in ms."
    ),
    "rt_interval_ms": FeatureDefinition(
        "ms", "From the peak of the R wave to that of the T wave in ms, on the averaged beat."
    ),
    "p_onset_ms": FeatureDefinition(
        "ms", "Onset of the P wave in ms from the R peak, negative before it, on the averaged beat."
    ),
    "p_peak_ms": FeatureDefinition("ms", "Peak of the P wave in ms from the R peak, on the averaged beat."),
    "p_end_ms": FeatureDefinition("ms", "End of the P wave in ms from the R peak, on the averaged beat."),
    "qrs_onset_ms": FeatureDefinition("ms", "Onset of the QRS complex in ms from the R peak, on the averaged beat."),
    "r_wave_ms": FeatureDefinition(
        "ms",
        "Peak of the R wave, the positive deflection of the QRS complex, in ms from the R peak; not 0 where the R "
        "peak is an S wave.",
    ),
    "qrs_end_ms": FeatureDefinition(
        "ms", "End of the QRS complex, the J point, in ms from the R peak, on the averaged beat."
    ),
    "t_onset_ms": FeatureDefinition("ms", "Onset of the T wave in ms from the R peak, on the averaged beat."),
    "t_peak_ms": FeatureDefinition("ms", "Peak of the T wave in ms from the R peak, on the averaged beat."),
    "t_end_ms": FeatureDefinition("ms", "End of the T wave in ms from the R peak, on the averaged beat."),
    "p_amplitude_mv": FeatureDefinition(
        "mV", "Height of the P wave above the level before the QRS complex in mV, on the averaged beat."
    ),
    "q_amplitude_mv": FeatureDefinition(
        "mV",
        "Lowest point of the QRS complex before the R wave, against the level before the complex, in mV; null "
        "without an R wave.",
    ),
    "r_wave_amplitude_mv": FeatureDefinition(
        "mV", "Height of the R wave above the level before the QRS complex in mV; null without an R wave."
    ),
    "s_amplitude_mv": FeatureDefinition(
        "mV",
        "Lowest point of the QRS complex after the R wave, against the level before the complex, in mV; null "
        "without an R wave.",
    ),
    "t_amplitude_mv": FeatureDefinition(
        "mV", "Height of the T wave above the level before the QRS complex in mV, negative where it is inverted."
    ),
    "st_level_mv": FeatureDefinition(
        "mV", "ST segment 60 ms after the J point, against the level before the QRS complex, in mV."
    ),
    "signal_quality": FeatureDefinition(
        "",
        "Mean correlation of the beats with the averaged beat, up to 1; python_transforms/ecg/quality.py names its "
        "source.",
    ),
    "quality_index": FeatureDefinition(
        "", "Mean signal quality index of the run's windows of 10 s, from 0 to 1; docs/ecg.md describes its parts."
    ),
    "min_quality_index": FeatureDefinition("", "Lowest signal quality index of a window of 10 s, from 0 to 1."),
}
