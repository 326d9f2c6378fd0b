with participant as (

    select * from {{ ref('int_wearable_participant__synced') }}

),

by_quarter_hour as (

    select * from {{ ref('int_wearable_reading__by_quarter_hour') }}

),

night as (

    select * from {{ ref('int_wearable_night__slept') }}

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
        {{ minutes_of_day('local_date', 'timezone') }} as day_minutes
    from day

),

quarter as (

    -- every zone's offset is a multiple of a quarter of an hour, so such a bucket lies in one local day
    select
        by_quarter_hour.participant_key,
        by_quarter_hour.metric,
        by_quarter_hour.reading_count,
        by_quarter_hour.minute_count,
        by_quarter_hour.value_sum_millionths,
        by_quarter_hour.bucket_start_at,
        {{ utc_to_local('by_quarter_hour.bucket_start_at', 'participant.timezone') }} as local_start_time,
        -- the participant's hour, told in UTC: the one that is repeated in autumn is two
        by_quarter_hour.bucket_start_at - (local_start_time - date_trunc('hour', local_start_time)) as hour_start_at
    from by_quarter_hour
    inner join participant on by_quarter_hour.participant_key = participant.participant_key
    where by_quarter_hour.bucket_start_at is not null

),

measured as (

    select
        participant_key,
        cast(local_start_time as date) as local_date,
        max(bucket_start_at) as last_bucket_start_at,
        {% for metric in wearable_metrics() %}
            cast(coalesce(sum(reading_count) filter (where metric = '{{ metric }}'), 0) as bigint)
                as {{ metric }}_reading_count,
        {% endfor %}
        cast(coalesce(sum(minute_count) filter (where metric = 'heart_rate_bpm'), 0) as bigint) as worn_minutes,
        count(distinct hour_start_at) filter (where metric = 'heart_rate_bpm') as worn_hours,
        {{ from_millionths("sum(value_sum_millionths) filter (where metric = 'resting_heart_rate_bpm')") }}
        / sum(reading_count) filter (where metric = 'resting_heart_rate_bpm') as resting_heart_rate_bpm
    from quarter
    group by participant_key, cast(local_start_time as date)

),

described as (

    select
        day_length.participant_key,
        day_length.local_date,
        day_length.day_minutes,
        coalesce(measured.worn_minutes, 0) as worn_minutes,
        coalesce(measured.worn_minutes, 0) / day_length.day_minutes as worn_share,
        {% for metric in wearable_metrics() %}
            coalesce(measured.{{ metric }}_reading_count, 0) as {{ metric }}_reading_count,
        {% endfor %}
        measured.resting_heart_rate_bpm,
        night.participant_key is not null as has_sleep,
        greatest(cast(round(day_length.day_minutes / 60) as bigint) - coalesce(measured.worn_hours, 0), 0)
            as hours_without_data,
        max(measured.last_bucket_start_at) over (
            partition by day_length.participant_key order by day_length.local_date
        ) as last_sync_at
    from day_length
    left join measured
        on day_length.participant_key = measured.participant_key and day_length.local_date = measured.local_date
    left join night
        on day_length.participant_key = night.participant_key and day_length.local_date = night.sleep_date

)

select * from described
order by participant_key, local_date
