{#
    UTC of a local time in an IANA zone, both without a zone. The rule where the clock is changed: a local time that comes
    twice (an hour is repeated in autumn) is the second of the two, in standard time; one that never comes (an hour is
    skipped in spring) is read with the offset of before the change, so it is an hour later on the clock.
#}
{% macro local_to_utc(local_time, timezone) -%}
    timezone('UTC', timezone({{ timezone }}, {{ local_time }}))
{%- endmacro %}

{# Local time in an IANA zone of a time in UTC, both without a zone. #}
{% macro utc_to_local(utc_time, timezone) -%}
    timezone({{ timezone }}, timezone('UTC', {{ utc_time }}))
{%- endmacro %}

{# Minutes that a local day has: 1,440, but where the clock is changed. #}
{% macro minutes_of_day(day, timezone) -%}
    date_diff(
        'minute',
        {{ local_to_utc("cast(" ~ day ~ " as timestamp)", timezone) }},
        {{ local_to_utc("cast(" ~ day ~ " + 1 as timestamp)", timezone) }}
    )
{%- endmacro %}

{# Every day from the first to the last, one row each where it stands in a select. #}
{% macro days_between(first_day, last_day) -%}
    unnest(cast(generate_series({{ first_day }}, {{ last_day }}, interval '1 day') as date[]))
{%- endmacro %}

{# Start of the bucket of so many minutes that a UTC time lies in; a bucket never reaches over midnight UTC. #}
{% macro bucket_start(time, minutes) -%}
    time_bucket(interval '{{ minutes }} minutes', {{ time }})
{%- endmacro %}
