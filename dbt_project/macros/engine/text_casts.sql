{#
    Casts of text of any form: null where the text has no such value, never an error. Engines differ in odd texts, and consents
    depend on them ('1651441208466.0' is a whole number in DuckDB, and not in every engine). So models cast such text by these
    macros alone. tests/dbt/test_engine_macros.py lists what each text is: a version for another engine must pass it.
#}
{# Whole number; a decimal is rounded, half away from zero. #}
{% macro text_to_bigint(text) -%}
    {{ return(adapter.dispatch('text_to_bigint')(text)) }}
{%- endmacro %}

{% macro duckdb__text_to_bigint(text) -%}
    try_cast({{ text }} as bigint)
{%- endmacro %}

{# Floating-point number. #}
{% macro text_to_double(text) -%}
    {{ return(adapter.dispatch('text_to_double')(text)) }}
{%- endmacro %}

{% macro duckdb__text_to_double(text) -%}
    try_cast({{ text }} as double)
{%- endmacro %}

{# Date; of a text with a time, its day. #}
{% macro text_to_date(text) -%}
    {{ return(adapter.dispatch('text_to_date')(text)) }}
{%- endmacro %}

{% macro duckdb__text_to_date(text) -%}
    try_cast({{ text }} as date)
{%- endmacro %}
