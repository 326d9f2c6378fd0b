{# Element of a list at a position, which counts from 0. #}
{% macro list_element(list, position) -%}
    {{ return(adapter.dispatch('list_element')(list, position)) }}
{%- endmacro %}

{% macro duckdb__list_element(list, position) -%}
    {{ list }}[{{ position }} + 1]
{%- endmacro %}

{% macro spark__list_element(list, position) -%}
    {{ list }}[{{ position }}]
{%- endmacro %}
