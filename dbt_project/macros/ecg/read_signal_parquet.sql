{#
    Table expression over the ECG signals in the lake: run_key, raw_path, load_id, sampling_rate_hz, raw_mv[], filtered_mv[],
    r_peak_index[]. The folder always holds one file without rows (processed/measurement=ecg/empty.parquet), so that the
    pattern finds a file before the first run came.
#}
{% macro read_signal_parquet() -%}
    read_parquet(
        '{{ vitalhouse_home() | replace("'", "''") }}/lake/processed/measurement=ecg/**/*.parquet',
        hive_partitioning = false
    )
{%- endmacro %}
