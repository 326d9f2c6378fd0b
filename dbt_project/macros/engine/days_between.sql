{# One row per day from the first to the last. Alone in a select list, as unnest_list. #}
{% macro days_between(first_day, last_day) -%}
    {{ return(adapter.dispatch('days_between')(first_day, last_day)) }}
{%- endmacro %}

{% macro duckdb__days_between(first_day, last_day) -%}
    unnest(cast(generate_series({{ first_day }}, {{ last_day }}, interval '1 day') as date[]))
{%- endmacro %}

{% macro spark__days_between(first_day, last_day) -%}
    explode(sequence({{ first_day }}, {{ last_day }}, interval '1 day'))
{%- endmacro %}
