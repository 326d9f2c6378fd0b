with participant as (

    select * from {{ ref('int_wearable_participant__last_sync') }}

),

participant_day as (

    select * from {{ ref('participant_day') }}

),

recent as (

    -- of the last day only the minutes until the end of the quarter of an hour that begins at now_at
    select
        participant_day.participant_key,
        participant_day.worn_minutes,
        least(
            participant_day.day_minutes,
            {{ minutes_between(
                local_to_utc('cast(participant_day.local_date as timestamp)', 'participant.timezone'),
                'participant.now_at',
            ) }} + 15
        ) as passed_minutes
    from participant_day
    inner join participant on participant_day.participant_key = participant.participant_key
    where participant_day.local_date > participant.now_date - {{ var('wearable_worn_days') }}

),

worn as (

    select
        participant_key,
        sum(worn_minutes) / sum(passed_minutes) as worn_share
    from recent
    group by participant_key

),

slept as (

    select
        participant_key,
        max(local_date) as last_sleep_date
    from participant_day
    where has_sleep
    group by participant_key

),

measured as (

    select
        participant.participant_key,
        participant.clinic,
        participant.participant_id,
        participant.now_at,
        participant.last_sync_at,
        {{ minutes_between('participant.last_sync_at', 'participant.now_at') }} / 60 as hours_since_sync,
        worn.worn_share as recent_worn_share,
        slept.last_sleep_date,
        -- nights count from the day of enrolment
        participant.now_date - coalesce(slept.last_sleep_date, participant.enrolled_on - 1) as nights_without_sleep,
        participant.withdrawn_on is not null and participant.withdrawn_on <= participant.now_date as is_withdrawn,
        participant.has_token
    from participant
    left join worn on participant.participant_key = worn.participant_key
    left join slept on participant.participant_key = slept.participant_key

),

final as (

    -- a participant who has withdrawn has no other flag
    select
        participant_key,
        clinic,
        participant_id,
        is_withdrawn,
        not is_withdrawn and not has_token as is_without_token,
        not is_withdrawn
        and coalesce(hours_since_sync > {{ var('wearable_sync_hours') }}, true) as is_not_synced,
        not is_withdrawn and nights_without_sleep >= {{ var('wearable_sleep_nights') }} as is_without_sleep,
        not is_withdrawn and coalesce(recent_worn_share, 0) < {{ var('wearable_worn_share') }} as is_worn_too_little,
        last_sync_at,
        hours_since_sync,
        last_sleep_date,
        nights_without_sleep,
        recent_worn_share,
        now_at
    from measured

)

select * from final
order by participant_key
