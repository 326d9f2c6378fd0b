{# Several columns as one value, to compare them all at once; nulls count as equal. #}
{% macro row_value(columns) -%}
    row({{ columns | join(', ') }})
{%- endmacro %}

{# The same with names, so that each can be taken out again; ordered as its values are, the first one first. #}
{% macro struct_value(columns) -%}
    struct_pack({% for column in columns %}{{ column }} := {{ column }}{% if not loop.last %}, {% endif %}{% endfor %})
{%- endmacro %}

{# Columns of one table among several, for a select list. #}
{% macro columns_of(table, columns) -%}
    {% for column in columns %}{{ table }}.{{ column }}{% if not loop.last %}, {% endif %}{% endfor %}
{%- endmacro %}
