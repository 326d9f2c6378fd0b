{# Several columns as one value, to compare them all at once; nulls count as equal. #}
{% macro record_of(columns) -%}
    row({{ columns | join(', ') }})
{%- endmacro %}
