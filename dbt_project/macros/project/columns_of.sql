{# Columns of one table among several, for a select list. #}
{% macro columns_of(table, columns) -%}
    {% for column in columns %}{{ table }}.{{ column }}{% if not loop.last %}, {% endif %}{% endfor %}
{%- endmacro %}
