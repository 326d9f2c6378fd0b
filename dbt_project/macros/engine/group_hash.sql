{#
    Aggregate: BIGINT that changes when any value of the grouped rows changes, whatever their order. Two equal rows cancel each
    other out, so the columns must contain a key of the rows.
#}
{% macro group_hash(columns) -%}
    {{ return(adapter.dispatch('group_hash')(columns)) }}
{%- endmacro %}

{# DuckDB hashes to UBIGINT, which DuckLake does not store: one bit of 64 is given up. #}
{% macro duckdb__group_hash(columns) -%}
    cast(bit_xor(hash({{ columns | join(', ') }})) >> 1 as bigint)
{%- endmacro %}

{% macro spark__group_hash(columns) -%}
    bit_xor(xxhash64({{ columns | join(', ') }}))
{%- endmacro %}
