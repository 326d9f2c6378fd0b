with source as (

    select * from {{ source('raw', 'wearable_roster') }}

),

delivered_content as (

    select * from {{ source('catalog', 'delivered_content') }}

),

final as (

    -- the last roster that names a participant counts; a participant who is left out of a later roster stays
    select
        -- ids
        source.clinic || ':' || source.participant_id as participant_key,
        source.clinic,
        source.participant_id,
        -- attributes
        source.enrolled_on,
        source.withdrawn_on,
        source.timezone,
        source.has_token,
        -- lineage
        source._raw_path,
        source._row_number,
        source._load_id
    from source
    inner join delivered_content on source._raw_path = delivered_content.raw_path
    qualify row_number() over (
        partition by source.clinic, source.participant_id
        order by delivered_content.last_delivery desc, source._row_number desc
    ) = 1

)

select * from final
