{{
    config(
        materialized='incremental',
        incremental_strategy='replace_partitions',
        on_schema_change='fail',
        meta={'replaces_partitions_by_hash': true},
    )
}}

{{ rolled_up('int_wearable_reading__by_minute', 15) }}
