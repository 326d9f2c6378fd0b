{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['participant_key', 'metric', 'measured_on'],
        on_schema_change='fail',
    )
}}

{{ coarser_rollup('int_wearable_reading__by_hour', 1440) }}
