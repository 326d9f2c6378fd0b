-- A returned row is a day whose roll-up was made from other files, or with another roster, than there are now.
{{ config(meta={'dagster': {'ref': {'name': 'int_wearable_reading__by_minute'}}}) }}

with current_day as (

    select * from {{ ref('int_wearable_day__source_hash') }}

),

rolled_up as (

    select distinct
        participant_key,
        metric,
        measured_on,
        source_hash
    from {{ ref('int_wearable_reading__by_minute') }}

),

final as (

    select
        coalesce(current_day.participant_key, rolled_up.participant_key) as participant_key,
        coalesce(current_day.metric, rolled_up.metric) as metric,
        coalesce(current_day.measured_on, rolled_up.measured_on) as measured_on
    from current_day
    full outer join rolled_up
        on
            current_day.participant_key = rolled_up.participant_key
            and current_day.metric = rolled_up.metric
            and current_day.measured_on = rolled_up.measured_on
            and current_day.source_hash = rolled_up.source_hash
    where rolled_up.source_hash is null and current_day.has_reading or current_day.source_hash is null

)

select * from final
