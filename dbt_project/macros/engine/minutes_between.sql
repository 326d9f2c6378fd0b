{# Whole number of minutes from one time to another; seconds are cut off from both. #}
{% macro minutes_between(start_at, end_at) -%}
    {{ return(adapter.dispatch('minutes_between')(start_at, end_at)) }}
{%- endmacro %}

{% macro duckdb__minutes_between(start_at, end_at) -%}
    date_diff('minute', {{ start_at }}, {{ end_at }})
{%- endmacro %}

{% macro spark__minutes_between(start_at, end_at) -%}
    timestampdiff(minute, date_trunc('minute', {{ start_at }}), date_trunc('minute', {{ end_at }}))
{%- endmacro %}
