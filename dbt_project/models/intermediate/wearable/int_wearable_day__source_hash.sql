with covered as (

    select * from {{ ref('int_wearable_file__time_coverage') }}

),

file as (

    select * from {{ ref('stg_wearable__file') }}

),

roster as (

    select * from {{ ref('stg_wearable__roster') }}

),

of_known as (

    -- readings of who is in no roster wait: without a time zone they have no time
    select
        covered.participant_key,
        covered.metric,
        covered.raw_path,
        covered.load_id,
        covered.is_utc,
        covered.first_time,
        covered.last_time,
        file.last_delivery,
        roster.timezone,
        roster.withdrawn_on
    from covered
    inner join file on covered.raw_path = file.raw_path and covered.load_id = file.load_id
    inner join roster on covered.participant_key = roster.participant_key

),

in_utc as (

    select
        *,
        case
            when is_utc then first_time else {{ local_to_utc('first_time', 'timezone') }}
        end as first_at,
        case
            when is_utc then last_time else {{ local_to_utc('last_time', 'timezone') }}
        end as last_at
    from of_known

),

by_day as (

    -- where the clock is changed in between, times in the changed hour lie outside the first and the last
    select
        *,
        {{
            days_between(
                "cast(first_at - if(last_at - first_at = last_time - first_time, interval '0 hours', interval '1 hour') as date)",
                "cast(last_at + if(last_at - first_at = last_time - first_time, interval '0 hours', interval '1 hour') as date)",
            )
        }} as measured_on
    from in_utc

),

fingerprinted as (

    select
        participant_key,
        metric,
        measured_on,
        {{
            fingerprint(['raw_path', 'load_id', 'last_delivery', 'timezone', 'withdrawn_on', 'first_time', 'last_time'])
        }} as fingerprint
    from by_day
    group by participant_key, metric, measured_on

)

select * from fingerprinted
