{# One row per element of a list, in its order. Alone in a select list, since Spark allows one such expression. #}
{% macro unnest_list(list) -%}
    {{ return(adapter.dispatch('unnest_list')(list)) }}
{%- endmacro %}

{% macro duckdb__unnest_list(list) -%}
    unnest({{ list }})
{%- endmacro %}

{% macro spark__unnest_list(list) -%}
    explode({{ list }})
{%- endmacro %}

{# One row per element of a list: its position from 0. Alone in a select list, as unnest_list. #}
{% macro list_positions(list) -%}
    {{ return(adapter.dispatch('list_positions')(list)) }}
{%- endmacro %}

{% macro duckdb__list_positions(list) -%}
    unnest(range(len({{ list }})))
{%- endmacro %}

{% macro spark__list_positions(list) -%}
    explode(transform({{ list }}, (element, position) -> position))
{%- endmacro %}
