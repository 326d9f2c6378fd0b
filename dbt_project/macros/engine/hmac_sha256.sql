{#
    HMAC-SHA-256 (RFC 2104) of a text, in hexadecimals. The key never stands in a statement: the session has it, padded as HMAC
    does, in the variables `<key_name>_inner` and `<key_name>_outer`. Without them the result is null.
#}
{% macro hmac_sha256(text, key_name) -%}
    {{ return(adapter.dispatch('hmac_sha256')(text, key_name)) }}
{%- endmacro %}

{% macro duckdb__hmac_sha256(text, key_name) -%}
    sha256(
        getvariable('{{ key_name }}_outer')
        || unhex(sha256(getvariable('{{ key_name }}_inner') || encode({{ text }})))
    )
{%- endmacro %}
