with source as (

    select * from {{ source('raw', 'wearable_sleep') }}

),

delivered_content as (

    select * from {{ source('catalog', 'delivered_content') }}

),

renamed as (

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
        delivered_content.last_delivery,
        -- lineage
        source._raw_path,
        source._row_number,
        source._load_id
    from source
    inner join delivered_content on source._raw_path = delivered_content.raw_path

),

final as (

    select *
    from renamed
    qualify row_number() over (
        partition by participant_key, sleep_log_id
        order by last_delivery desc, _raw_path desc, _row_number desc
    ) = 1

)

select * from final
