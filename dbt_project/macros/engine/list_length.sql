{# Number of elements of a list; null where the list is null. #}
{% macro list_length(list) -%}
    len({{ list }})
{%- endmacro %}
