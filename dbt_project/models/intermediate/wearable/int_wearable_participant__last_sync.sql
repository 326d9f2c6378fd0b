with roster as (

    select * from {{ ref('stg_wearable__roster') }}

),

by_quarter_hour as (

    select * from {{ ref('int_wearable_reading__by_quarter_hour') }}

),

last_bucket as (

    -- a sync brings the readings up to its own time
    select
        participant_key,
        max(bucket_start_at) as last_sync_at
    from by_quarter_hour
    where reading_count > 0
    group by participant_key

),

joined as (

    select
        roster.participant_key,
        roster.clinic,
        roster.participant_id,
        roster.enrolled_on,
        roster.withdrawn_on,
        roster.timezone,
        roster.has_token,
        last_bucket.last_sync_at,
        {% if var('wearable_now') %}
            timestamp '{{ var("wearable_now") }}' as now_at
        {% else %}
            coalesce(
                max(last_bucket.last_sync_at) over (partition by roster.clinic),
                cast(roster.enrolled_on as timestamp)
            ) as now_at
        {% endif %}
    from roster
    left join last_bucket on roster.participant_key = last_bucket.participant_key

),

final as (

    select
        *,
        cast({{ utc_to_local('now_at', 'timezone') }} as date) as now_date
    from joined

)

select * from final
