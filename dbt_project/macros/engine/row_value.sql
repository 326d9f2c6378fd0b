{# Several columns as one value, to compare them all at once; nulls count as equal. #}
{% macro row_value(columns) -%}
    {{ return(adapter.dispatch('row_value')(columns)) }}
{%- endmacro %}

{% macro duckdb__row_value(columns) -%}
    row({{ columns | join(', ') }})
{%- endmacro %}

{% macro spark__row_value(columns) -%}
    struct({{ columns | join(', ') }})
{%- endmacro %}
