-- A returned row is a day whose roll-up was made of other files, or of another roster, than there are by now.
{{ config(meta={'dagster': {'ref': {'name': 'int_wearable_reading__by_minute'}}}) }}

with fingerprinted as (

    select * from {{ ref('int_wearable_day__source_hash') }}

),

by_minute as (

    select * from {{ ref('int_wearable_reading__by_minute') }}

),

rolled_up as (

    select
        participant_key,
        metric,
        measured_on,
        fingerprint
    from by_minute
    where bucket_start_at is null

),

different as (

    select
        coalesce(fingerprinted.participant_key, rolled_up.participant_key) as participant_key,
        coalesce(fingerprinted.metric, rolled_up.metric) as metric,
        coalesce(fingerprinted.measured_on, rolled_up.measured_on) as measured_on
    from fingerprinted
    full outer join rolled_up
        on
            fingerprinted.participant_key = rolled_up.participant_key
            and fingerprinted.metric = rolled_up.metric
            and fingerprinted.measured_on = rolled_up.measured_on
    where fingerprinted.fingerprint is distinct from rolled_up.fingerprint

)

select * from different
