{{
    config(
        materialized='incremental',
        incremental_strategy='replace_partitions',
        on_schema_change='fail',
        meta={'replaces_partitions_by_hash': 'int_wearable_day__source_hash'},
    )
}}

{{ rolled_up('int_wearable_reading__by_minute', 15) }}
