{# Milliseconds since 1970-01-01 00:00 UTC. #}
{% macro timestamp_to_epoch_ms(timestamp) -%}
    epoch_ms({{ timestamp }})
{%- endmacro %}

{# Timestamp, UTC, of whole milliseconds since 1970. #}
{% macro epoch_ms_to_timestamp(milliseconds) -%}
    make_timestamp(({{ milliseconds }}) * 1000)
{%- endmacro %}

{#
    Timestamp, UTC, of milliseconds since 1970 that were written as text, whole or as a decimal; null for any other text and
    outside the years 2000 to 9999, as in the source's contract.
#}
{% macro epoch_ms_text_to_timestamp(text) -%}
    {{ epoch_ms_to_timestamp(
        "case when try_cast(" ~ text ~ " as bigint) between 946684800000 and 253402300799999 "
        ~ "then try_cast(" ~ text ~ " as bigint) end"
    ) }}
{%- endmacro %}
