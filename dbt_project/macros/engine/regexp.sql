{# Whether a whole text, of several lines too, matches a pattern (RE2). #}
{% macro regexp_full_match(text, pattern) -%}
    {{ return(adapter.dispatch('regexp_full_match')(text, pattern)) }}
{%- endmacro %}

{% macro duckdb__regexp_full_match(text, pattern) -%}
    regexp_full_match({{ text }}, '{{ pattern }}', 's')
{%- endmacro %}

{# A text with the first match of a pattern (RE2), over several lines too, replaced; \1 is its first group. #}
{% macro regexp_replace_match(text, pattern, replacement) -%}
    {{ return(adapter.dispatch('regexp_replace_match')(text, pattern, replacement)) }}
{%- endmacro %}

{% macro duckdb__regexp_replace_match(text, pattern, replacement) -%}
    regexp_replace({{ text }}, '{{ pattern }}', '{{ replacement }}', 's')
{%- endmacro %}
