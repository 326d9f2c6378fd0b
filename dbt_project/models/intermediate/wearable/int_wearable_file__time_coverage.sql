{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='fail') }}

with reading as (

    select * from {{ ref('stg_wearable__reading') }}

),

final as (

    select
        _raw_path as raw_path,
        _load_id as load_id,
        series_id,
        participant_key,
        metric,
        written_on,
        sleep_date,
        utc_time is not null as is_utc,
        min(coalesce(utc_time, local_time)) as first_time,
        max(coalesce(utc_time, local_time)) as last_time,
        count(*) as reading_count,
        {{ seen_load_id() }} as seen_load_id,
        {{ rule_hash() }} as rule_hash
    from reading
    where _load_id > {{ watermark() }}
    group by all

)

select * from final
