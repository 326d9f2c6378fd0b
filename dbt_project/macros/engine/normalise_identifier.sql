{#
    Text by which people and devices are recognised: without white space around it, in small letters, and with composed
    letters. Providers write one email address in several ways.
#}
{% macro normalise_identifier(text) -%}
    lower(nfc_normalize(regexp_replace({{ text }}, '^[\s\p{Z}]+|[\s\p{Z}]+$', '', 'g')))
{%- endmacro %}
