{#
    Timestamp, UTC, of milliseconds since 1970 that were written as text, whole or as a decimal; null for any other text and
    outside the years 2000 to 9999, as in the source's contract.
#}
{% macro epoch_ms_text_to_timestamp(text) -%}
    {%- set milliseconds = text_to_bigint(text) -%}
    {{ epoch_ms_to_timestamp(
        "case when " ~ milliseconds ~ " between 946684800000 and 253402300799999 then " ~ milliseconds ~ " end"
    ) }}
{%- endmacro %}
