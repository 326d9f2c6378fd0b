{#
    Least and greatest plausible value of each metric. What lies outside is kept in the raw table and in staging, and counts
    in no roll-up.

    - heart rate: the lowest resting rates of athletes are about 26 bpm, the highest of sick adults below 250. Watches give 0
      or -1 off the wrist.
    - HRV: RMSSD beyond 300 ms, and powers beyond 100,000 ms² are artefacts; coverage is a share.
    - SpO2: below 50 % no watch measures; above 100 % there is nothing.
    - Active zone minutes: two at most for a minute, 30 for the quarter of an hour in which some exports give them.
    - breathing rate: asleep, 4 to 60 a minute.
    - steps of a day: 200,000 is more than the longest runs of 24 hours.
#}
{% macro wearable_metrics() -%}
    {{ return({
        'heart_rate_bpm': [20, 250],
        'resting_heart_rate_bpm': [20, 150],
        'hrv_rmssd_ms': [0, 300],
        'hrv_coverage': [0, 1],
        'hrv_hf': [0, 100000],
        'hrv_lf': [0, 100000],
        'spo2_pct': [50, 100],
        'active_zone_minutes': [0, 30],
        'fat_burn_active_zone_minutes': [0, 30],
        'cardio_active_zone_minutes': [0, 30],
        'peak_active_zone_minutes': [0, 30],
        'breathing_rate_rpm': [4, 60],
        'steps': [0, 200000],
    }) }}
{%- endmacro %}

{# Whether a value is one that its metric can have. #}
{% macro is_plausible(metric, value) -%}
    (
        false
        {% for name, limits in wearable_metrics().items() %}
            or ({{ metric }} = '{{ name }}' and {{ value }} between {{ limits[0] }} and {{ limits[1] }})
        {% endfor %}
    )
{%- endmacro %}

{#
    A value as a whole number of millionths: sums of them are exact, whatever the order of adding up. A millionth is far
    below what any watch resolves.
#}
{% macro as_millionths(value) -%}
    cast(round({{ value }} * 1000000) as bigint)
{%- endmacro %}

{# A sum of millionths as a number again. #}
{% macro from_millionths(value) -%}
    {{ value }} / cast(1000000 as double)
{%- endmacro %}
