with roster as (

    select * from {{ ref('stg_wearable__roster') }}

),

by_day as (

    select * from {{ ref('int_wearable_reading__by_day') }}

),

by_quarter_hour as (

    select * from {{ ref('int_wearable_reading__by_quarter_hour') }}

),

last_day as (

    select
        participant_key,
        max(measured_on) as measured_on
    from by_day
    where reading_count > 0
    group by participant_key

),

synced as (

    -- a watch that is synced brings its readings up to then; those of the last day tell the time
    select
        by_quarter_hour.participant_key,
        max(by_quarter_hour.bucket_start_at) as last_sync_at
    from by_quarter_hour
    inner join last_day
        on
            by_quarter_hour.participant_key = last_day.participant_key
            and by_quarter_hour.measured_on = last_day.measured_on
    group by by_quarter_hour.participant_key

),

of_study as (

    select
        roster.participant_key,
        roster.clinic,
        roster.participant_id,
        roster.enrolled_on,
        roster.withdrawn_on,
        roster.timezone,
        roster.has_token,
        synced.last_sync_at,
        {% if var('wearable_now') %}
            timestamp '{{ var("wearable_now") }}' as now_at
        {% else %}
            coalesce(
                max(synced.last_sync_at) over (partition by roster.clinic), cast(roster.enrolled_on as timestamp)
            ) as now_at
        {% endif %}
    from roster
    left join synced on roster.participant_key = synced.participant_key

),

placed as (

    select
        *,
        cast({{ utc_to_local('now_at', 'timezone') }} as date) as now_date
    from of_study

)

select * from placed
