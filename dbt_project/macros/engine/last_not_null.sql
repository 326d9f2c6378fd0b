{# Window function: the last value of a column so far that is not null. An `over` follows. #}
{% macro last_not_null(column) -%}
    {{ return(adapter.dispatch('last_not_null')(column)) }}
{%- endmacro %}

{% macro duckdb__last_not_null(column) -%}
    last_value({{ column }} ignore nulls)
{%- endmacro %}

{% macro spark__last_not_null(column) -%}
    last_value({{ column }}, true)
{%- endmacro %}
