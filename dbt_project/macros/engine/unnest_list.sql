{# One row per element of a list, in the list's order; several in one select walk their lists in step. #}
{% macro unnest_list(list) -%}
    unnest({{ list }})
{%- endmacro %}

{# One row per element of a list: its position from 0. #}
{% macro list_positions(list) -%}
    unnest(range(len({{ list }})))
{%- endmacro %}

{# Aggregate: the distinct values of a column, sorted, as a list without nulls; empty where there are none. #}
{% macro distinct_values(column) -%}
    coalesce(list(distinct {{ column }} order by {{ column }}) filter (where {{ column }} is not null), [])
{%- endmacro %}
