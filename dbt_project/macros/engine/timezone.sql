{#
    UTC of a local time in an IANA zone, both without a zone. Where the clock changes: a local time that exists twice (an hour
    is repeated in autumn) is the second of the two, in standard time; one that does not exist (an hour is skipped in
    spring) is read with the offset from before the change, so it is an hour later on the clock.

    Without a Spark version: its to_utc_timestamp takes the first of two.
#}
{% macro local_to_utc(local_time, timezone) -%}
    {{ return(adapter.dispatch('local_to_utc')(local_time, timezone)) }}
{%- endmacro %}

{% macro duckdb__local_to_utc(local_time, timezone) -%}
    timezone('UTC', timezone({{ timezone }}, {{ local_time }}))
{%- endmacro %}

{# Local time in an IANA zone of a time in UTC, both without a zone. #}
{% macro utc_to_local(utc_time, timezone) -%}
    {{ return(adapter.dispatch('utc_to_local')(utc_time, timezone)) }}
{%- endmacro %}

{% macro duckdb__utc_to_local(utc_time, timezone) -%}
    timezone({{ timezone }}, timezone('UTC', {{ utc_time }}))
{%- endmacro %}

{% macro spark__utc_to_local(utc_time, timezone) -%}
    from_utc_timestamp({{ utc_time }}, {{ timezone }})
{%- endmacro %}
