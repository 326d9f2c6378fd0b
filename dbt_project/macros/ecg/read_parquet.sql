{#
    Table expression over the ECG signals in the lake: run_key, raw_path, load_id, sampling_rate_hz, raw_mv[], filtered_mv[],
    r_peak_index[]. The folder always holds one file without rows (empty.parquet), so that it can be read before the first run
    was loaded.
#}
{% macro read_signal_parquet() -%}
    {{ read_parquet_folder('processed/measurement=ecg') }}
{%- endmacro %}

{#
    Table expression over the beats of the ECG signals in the lake: run_key, raw_path, load_id, beat_index and what
    python_transforms/ecg measures of a beat. As with the signals, the folder always holds one file without rows.
#}
{% macro read_beat_parquet() -%}
    {{ read_parquet_folder('processed/measurement=ecg_beat') }}
{%- endmacro %}
