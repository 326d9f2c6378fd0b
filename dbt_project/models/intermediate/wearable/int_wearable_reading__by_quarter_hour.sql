{{
    config(
        materialized='incremental',
        incremental_strategy='replace_partitions',
        on_schema_change='fail',
        meta={'replaces_partitions_by_hash': 'int_wearable_day__source_hash'},
    )
}}

with roster as (

    select * from {{ ref('stg_wearable__roster') }}

),

quarter_hour as (

    {{ rolled_up('int_wearable_reading__by_minute', 15) | indent(4) }}

),

final as (

    -- The local time is kept, for the days in it: DuckDB takes 1.4 seconds for a million conversions.
    select
        quarter_hour.*,
        {{ utc_to_local('quarter_hour.bucket_start_at', 'roster.timezone') }} as local_start_time
    from quarter_hour
    inner join roster on quarter_hour.participant_key = roster.participant_key

)

select * from final
order by measured_on, participant_key, metric, bucket_start_at
