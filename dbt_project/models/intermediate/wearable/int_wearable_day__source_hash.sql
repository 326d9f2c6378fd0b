{{ config(materialized='table') }}

with coverage as (

    select * from {{ ref('int_wearable_file__time_coverage') }}

),

file as (

    select * from {{ ref('stg_wearable__file') }}

),

roster as (

    select * from {{ ref('stg_wearable__roster') }}

),

joined as (

    -- readings of a participant in no roster wait: without a time zone they have no time
    select
        coverage.*,
        file.last_delivery,
        roster.timezone,
        roster.withdrawn_on,
        case
            when coverage.is_utc then coverage.first_time
            else {{ local_to_utc('coverage.first_time', 'roster.timezone') }}
        end as first_at,
        case
            when coverage.is_utc then coverage.last_time
            else {{ local_to_utc('coverage.last_time', 'roster.timezone') }}
        end as last_at
    from coverage
    inner join file on coverage.raw_path = file.raw_path
    inner join roster on coverage.participant_key = roster.participant_key

),

clock_change as (

    -- where the clock changes in between, times in the changed hour lie outside the first and the last
    select
        *,
        case
            when last_at - first_at = last_time - first_time then interval '0 hours' else interval '1 hour'
        end as margin
    from joined

),

by_day as (

    select
        *,
        {{ days_between('cast(first_at - margin as date)', 'cast(last_at + margin as date)') }} as measured_on
    from clock_change

),

final as (

    select
        participant_key,
        metric,
        measured_on,
        bool_or(margin = interval '0 hours') as has_reading,
        {{
            group_hash([
                'participant_key', 'metric', 'measured_on', 'series_id', 'load_id', 'written_on', 'sleep_date', 'is_utc',
                'first_time', 'last_time', 'last_delivery', 'timezone', 'withdrawn_on',
            ])
        }} as source_hash
    from by_day
    -- wherever the participant is, the last day that counts ends a day later in UTC at most
    where withdrawn_on is null or measured_on <= withdrawn_on + 1
    group by participant_key, metric, measured_on

)

select * from final
