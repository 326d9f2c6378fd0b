{# Milliseconds since 1970-01-01 00:00 UTC. Spark's session must be in UTC. #}
{% macro timestamp_to_epoch_ms(timestamp) -%}
    {{ return(adapter.dispatch('timestamp_to_epoch_ms')(timestamp)) }}
{%- endmacro %}

{% macro duckdb__timestamp_to_epoch_ms(timestamp) -%}
    epoch_ms({{ timestamp }})
{%- endmacro %}

{% macro spark__timestamp_to_epoch_ms(timestamp) -%}
    unix_millis({{ timestamp }})
{%- endmacro %}

{# Timestamp, UTC, of whole milliseconds since 1970. #}
{% macro epoch_ms_to_timestamp(milliseconds) -%}
    {{ return(adapter.dispatch('epoch_ms_to_timestamp')(milliseconds)) }}
{%- endmacro %}

{% macro duckdb__epoch_ms_to_timestamp(milliseconds) -%}
    make_timestamp(({{ milliseconds }}) * 1000)
{%- endmacro %}

{% macro spark__epoch_ms_to_timestamp(milliseconds) -%}
    timestamp_millis({{ milliseconds }})
{%- endmacro %}
