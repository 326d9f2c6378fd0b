{#
    Text by which people and devices are recognised: without white space around it, in small letters, and with composed
    letters (Unicode NFC). Providers write one email address in several ways. Without a Spark version: Spark composes no letters.
#}
{% macro normalise_identifier(text) -%}
    {{ return(adapter.dispatch('normalise_identifier')(text)) }}
{%- endmacro %}

{% macro duckdb__normalise_identifier(text) -%}
    lower(nfc_normalize(regexp_replace({{ text }}, '^[\s\p{Z}]+|[\s\p{Z}]+$', '', 'g')))
{%- endmacro %}
