{# Start of the window of so many minutes that a time lies in; windows begin on multiples of their length, UTC. #}
{% macro time_bucket_minutes(column, minutes) -%}
    {{ return(adapter.dispatch('time_bucket_minutes')(column, minutes)) }}
{%- endmacro %}

{% macro duckdb__time_bucket_minutes(column, minutes) -%}
    time_bucket(interval '{{ minutes }} minutes', {{ column }})
{%- endmacro %}

{% macro spark__time_bucket_minutes(column, minutes) -%}
    timestamp_seconds(unix_seconds({{ column }}) div ({{ minutes }} * 60) * ({{ minutes }} * 60))
{%- endmacro %}

{# A time so many minutes later. #}
{% macro minutes_after(column, minutes) -%}
    {{ return(adapter.dispatch('minutes_after')(column, minutes)) }}
{%- endmacro %}

{% macro default__minutes_after(column, minutes) -%}
    {{ column }} + interval '{{ minutes }} minutes'
{%- endmacro %}

{# One row per start of a window, from the first to the last. Alone in a select list, as unnest_list. #}
{% macro window_starts(first_start, last_start, minutes) -%}
    {{ return(adapter.dispatch('window_starts')(first_start, last_start, minutes)) }}
{%- endmacro %}

{% macro duckdb__window_starts(first_start, last_start, minutes) -%}
    unnest(generate_series({{ first_start }}, {{ last_start }}, interval '{{ minutes }} minutes'))
{%- endmacro %}

{% macro spark__window_starts(first_start, last_start, minutes) -%}
    explode(sequence({{ first_start }}, {{ last_start }}, interval '{{ minutes }} minutes'))
{%- endmacro %}
