{#
    Aggregate: exact sum of whole numbers, as decimal(38, 0). A stored column must not be a HUGEINT, which DuckDB's sum gives:
    DuckLake writes it as DOUBLE.
#}
{% macro exact_sum(value) -%}
    {{ return(adapter.dispatch('exact_sum')(value)) }}
{%- endmacro %}

{% macro default__exact_sum(value) -%}
    cast(sum({{ value }}) as decimal(38, 0))
{%- endmacro %}

{# Aggregate: exact sum of the squares of whole numbers (BIGINT), as decimal(38, 0). #}
{% macro exact_sum_of_squares(value) -%}
    {{ return(adapter.dispatch('exact_sum_of_squares')(value)) }}
{%- endmacro %}

{% macro duckdb__exact_sum_of_squares(value) -%}
    cast(sum(cast({{ value }} as hugeint) * {{ value }}) as decimal(38, 0))
{%- endmacro %}

{% macro spark__exact_sum_of_squares(value) -%}
    cast(sum(cast({{ value }} as decimal(19, 0)) * cast({{ value }} as decimal(19, 0))) as decimal(38, 0))
{%- endmacro %}
