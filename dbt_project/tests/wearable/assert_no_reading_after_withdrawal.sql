-- A returned row is a minute of a day after its participant withdrew.
{{ config(meta={'dagster': {'ref': {'name': 'reading_1m'}}}) }}

with reading as (

    select * from {{ ref('reading_1m') }}

),

participant as (

    select * from {{ ref('participant') }}

),

final as (

    select
        reading.participant_key,
        reading.metric,
        reading.bucket_start_at,
        participant.withdrawn_on
    from reading
    inner join participant on reading.participant_key = participant.participant_key
    where
        cast({{ utc_to_local('reading.bucket_start_at', 'participant.timezone') }} as date) > participant.withdrawn_on

)

select * from final
