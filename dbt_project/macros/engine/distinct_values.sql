{# Aggregate: the distinct values of a column, sorted, as a list without nulls; empty where there are none. #}
{% macro distinct_values(column) -%}
    {{ return(adapter.dispatch('distinct_values')(column)) }}
{%- endmacro %}

{% macro duckdb__distinct_values(column) -%}
    coalesce(list(distinct {{ column }} order by {{ column }}) filter (where {{ column }} is not null), [])
{%- endmacro %}

{% macro spark__distinct_values(column) -%}
    sort_array(collect_set({{ column }}))
{%- endmacro %}
