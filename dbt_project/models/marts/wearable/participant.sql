with participant as (

    select * from {{ ref('int_wearable_participant__last_sync') }}

),

by_day as (

    select * from {{ ref('int_wearable_reading__by_day') }}

),

counted as (

    select
        participant_key,
        min(measured_on) as first_measured_on,
        max(measured_on) as last_measured_on,
        cast(sum(reading_count) as bigint) as reading_count
    from by_day
    where reading_count > 0
    group by participant_key

),

final as (

    select
        participant.participant_key,
        participant.clinic,
        participant.participant_id,
        participant.enrolled_on,
        participant.withdrawn_on,
        participant.timezone,
        participant.has_token,
        participant.withdrawn_on is not null as is_withdrawn,
        counted.first_measured_on,
        counted.last_measured_on,
        participant.last_sync_at,
        coalesce(counted.reading_count, 0) as reading_count
    from participant
    left join counted on participant.participant_key = counted.participant_key

)

select * from final
order by participant_key
