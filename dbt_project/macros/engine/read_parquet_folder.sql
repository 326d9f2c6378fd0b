{#
    Table expression over all Parquet files below a folder of the lake, which must hold at least one.

    Arguments
        path: the folder, relative to the lake.
#}
{% macro read_parquet_folder(path) -%}
    {{ return(adapter.dispatch('read_parquet_folder')(path)) }}
{%- endmacro %}

{% macro duckdb__read_parquet_folder(path) -%}
    read_parquet(
        {{ quoted(vitalhouse_home() ~ '/lake/' ~ path ~ '/**/*.parquet') }},
        hive_partitioning = false
    )
{%- endmacro %}
