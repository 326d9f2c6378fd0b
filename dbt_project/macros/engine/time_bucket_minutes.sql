{# Start of the window of so many minutes that a time lies in; windows begin on multiples of their length, UTC. #}
{% macro time_bucket_minutes(column, minutes) -%}
    time_bucket(interval '{{ minutes }} minutes', {{ column }})
{%- endmacro %}

{# A time so many minutes later. #}
{% macro minutes_after(column, minutes) -%}
    {{ column }} + interval '{{ minutes }} minutes'
{%- endmacro %}

{# Table expression: every start of a window from the first to the last, one row each, as the one column `start_at`. #}
{% macro window_starts(first_start, last_start, minutes) -%}
    unnest(generate_series({{ first_start }}, {{ last_start }}, interval '{{ minutes }} minutes'))
{%- endmacro %}
