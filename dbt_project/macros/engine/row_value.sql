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

{# The same with names, so that each can be taken out again; ordered as its values are, the first one first. #}
{% macro struct_value(columns) -%}
    {{ return(adapter.dispatch('struct_value')(columns)) }}
{%- endmacro %}

{% macro duckdb__struct_value(columns) -%}
    struct_pack({% for column in columns %}{{ column }} := {{ column }}{% if not loop.last %}, {% endif %}{% endfor %})
{%- endmacro %}

{% macro spark__struct_value(columns) -%}
    struct({{ columns | join(', ') }})
{%- endmacro %}
