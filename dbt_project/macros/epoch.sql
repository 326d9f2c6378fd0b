{# Milliseconds since 1970-01-01 00:00 UTC. #}
{% macro timestamp_to_epoch_ms(timestamp) -%}
    epoch_ms({{ timestamp }})
{%- endmacro %}
