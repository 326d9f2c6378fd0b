{{ config(materialized='table') }}

{{ rolled_up('int_wearable_reading__by_quarter_hour', 60) }}
