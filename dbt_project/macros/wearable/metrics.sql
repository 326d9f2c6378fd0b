{#
    Smallest and largest plausible value of each metric. Values outside are kept in the raw table and in staging, and count
    in no roll-up.

    - heart rate: the lowest resting rates of athletes are about 26 bpm, the highest of sick adults below 250. Watches give 0
      or -1 off the wrist.
    - HRV: RMSSD beyond 300 ms, and powers beyond 100,000 ms² are artefacts; coverage is a share.
    - SpO2: no watch measures below 50 %, and a saturation is at most 100 %.
    - active zone minutes: at most two a minute, so 30 in the quarters of an hour that some exports have.
    - breathing rate: 4 to 60 a minute, asleep.
    - steps: 200,000 a day is more than in the longest runs of 24 hours.
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

{#
    A value as a whole number of millionths: their sum is exact in any order of addition. No watch resolves a millionth.
#}
{% macro as_millionths(value) -%}
    cast(round({{ value }} * 1000000) as bigint)
{%- endmacro %}

{# A sum of millionths as a number again. #}
{% macro from_millionths(value) -%}
    {{ value }} / cast(1000000 as double)
{%- endmacro %}
