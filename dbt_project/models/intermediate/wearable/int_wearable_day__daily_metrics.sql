with quarter_hour as (

    select * from {{ ref('int_wearable_reading__by_quarter_hour') }}

),

localised as (

    -- every zone's offset is a multiple of a quarter of an hour, so such a bucket lies in one local day
    select
        *,
        cast(local_start_time as date) as local_date,
        -- start of the participant's hour, in UTC: the hour that is repeated in autumn is two
        bucket_start_at - (local_start_time - date_trunc('hour', local_start_time)) as hour_start_at
    from quarter_hour
    where reading_count > 0

),

final as (

    select
        participant_key,
        local_date,
        max(bucket_start_at) as last_bucket_start_at,
        {% for metric in wearable_metrics() %}
            cast(coalesce(sum(reading_count) filter (where metric = '{{ metric }}'), 0) as bigint)
                as {{ metric }}_reading_count,
        {% endfor %}
        cast(coalesce(sum(minute_count) filter (where metric = 'heart_rate_bpm'), 0) as bigint) as worn_minutes,
        count(distinct hour_start_at) filter (where metric = 'heart_rate_bpm') as worn_hours,
        {{ from_millionths("sum(value_sum_millionths) filter (where metric = 'resting_heart_rate_bpm')") }}
        / sum(reading_count) filter (where metric = 'resting_heart_rate_bpm') as resting_heart_rate_bpm
    from localised
    group by participant_key, local_date

)

select * from final
