{#
    Table expression over the beats of the ECG signals in the lake: run_key, raw_path, load_id, beat_index and what
    python_transforms/ecg measures of a beat. As with the signals, the folder always holds one file without rows.
#}
{% macro read_beat_parquet() -%}
    read_parquet(
        '{{ vitalhouse_home() | replace("'", "''") }}/lake/processed/measurement=ecg_beat/**/*.parquet',
        hive_partitioning = false
    )
{%- endmacro %}
