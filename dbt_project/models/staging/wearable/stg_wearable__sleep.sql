with source as (

    select * from {{ source('raw', 'wearable_sleep') }}

),

delivered_content as (

    select * from {{ source('catalog', 'delivered_content') }}

),

final as (

    select
        -- ids
        source.clinic || ':' || source.participant as participant_key,
        source.logid as sleep_log_id,
        -- measures
        source.minutesasleep as asleep_minutes,
        source.duration / 60000 as duration_minutes,
        coalesce(source.mainsleep, true) as is_main_sleep,
        -- times
        source.dateofsleep as sleep_date,
        source.starttime as local_start_time,
        source.endtime as local_end_time,
        -- lineage
        source._raw_path,
        source._row_number,
        source._load_id
    from source
    inner join delivered_content on source._raw_path = delivered_content.raw_path
    qualify row_number() over (
        partition by source.clinic, source.participant, source.logid
        order by delivered_content.last_delivery desc, source._raw_path desc, source._row_number desc
    ) = 1

)

select * from final
