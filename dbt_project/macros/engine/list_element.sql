{# Element of a list at a position, which counts from 0. #}
{% macro list_element(list, position) -%}
    {{ list }}[{{ position }} + 1]
{%- endmacro %}
