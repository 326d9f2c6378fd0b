{{ config(materialized='table') }}

{{ rolled_up('int_wearable_reading__by_hour', 1440) }}
