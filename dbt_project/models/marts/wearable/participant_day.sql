with participant as (

    select * from {{ ref('int_wearable_participant__last_sync') }}

),

daily_metrics as (

    select * from {{ ref('int_wearable_day__daily_metrics') }}

),

night as (

    select * from {{ ref('int_wearable_night__sleep_nights') }}

),

day as (

    -- every day that the participant takes part in, worn or not
    select
        participant_key,
        clinic,
        timezone,
        now_at,
        {{ days_between('enrolled_on', 'least(coalesce(withdrawn_on, now_date), now_date)') }} as local_date
    from participant

),

day_length as (

    select
        *,
        -- 1,440 unless the clock changes
        {{ minutes_between(
            local_to_utc('cast(local_date as timestamp)', 'timezone'),
            local_to_utc('cast(local_date + 1 as timestamp)', 'timezone'),
        ) }} as day_minutes
    from day

),

final as (

    select
        day_length.participant_key,
        day_length.local_date,
        day_length.day_minutes,
        coalesce(daily_metrics.worn_minutes, 0) as worn_minutes,
        coalesce(daily_metrics.worn_minutes, 0) / day_length.day_minutes as worn_share,
        {% for metric in wearable_metrics() %}
            coalesce(daily_metrics.{{ metric }}_reading_count, 0) as {{ metric }}_reading_count,
        {% endfor %}
        daily_metrics.resting_heart_rate_bpm,
        night.participant_key is not null as has_sleep,
        greatest(cast(round(day_length.day_minutes / 60) as bigint) - coalesce(daily_metrics.worn_hours, 0), 0)
            as hours_without_data,
        max(daily_metrics.last_bucket_start_at) over (
            partition by day_length.participant_key order by day_length.local_date
        ) as last_sync_at
    from day_length
    left join daily_metrics
        on
            day_length.participant_key = daily_metrics.participant_key
            and day_length.local_date = daily_metrics.local_date
    left join night
        on day_length.participant_key = night.participant_key and day_length.local_date = night.sleep_date

)

select * from final
order by participant_key, local_date
