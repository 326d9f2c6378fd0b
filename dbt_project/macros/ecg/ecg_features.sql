{#
    Columns of the features of an ECG run, of one table, for a select list. The contract (unit, meaning, type) is
    python_transforms/ecg_features.py; a test compares the two.
#}
{% macro ecg_features(table) -%}
    {% for feature in [
        'raw_min_mv',
        'raw_max_mv',
        'filtered_min_mv',
        'filtered_max_mv',
        'mains_frequency_hz',
        'flat_start_sample_count',
        'interpolated_sample_count',
        'artefact_sample_count',
        'longest_gap_ms',
        'constant_sample_count',
        'clipped_sample_count',
        'is_inverted',
        'beat_count',
        'ectopic_beat_count',
        'misdetected_beat_count',
        'nn_interval_count',
        'heart_rate_bpm',
        'mean_nn_ms',
        'sdnn_ms',
        'rmssd_ms',
        'sdsd_ms',
        'pnn50_pct',
        'r_amplitude_mv',
        'qrs_duration_ms',
        'pr_interval_ms',
        'qt_interval_ms',
        'qtc_bazett_ms',
        'qtc_fridericia_ms',
        'rt_interval_ms',
        'p_onset_ms',
        'p_peak_ms',
        'p_end_ms',
        'qrs_onset_ms',
        'r_wave_ms',
        'qrs_end_ms',
        't_onset_ms',
        't_peak_ms',
        't_end_ms',
        'p_amplitude_mv',
        'q_amplitude_mv',
        'r_wave_amplitude_mv',
        's_amplitude_mv',
        't_amplitude_mv',
        'st_level_mv',
        'signal_quality',
        'quality_index',
        'min_quality_index'
    ] -%}
        {{ table }}.{{ feature }}{% if not loop.last %}, {% endif %}
    {%- endfor %}
{%- endmacro %}
