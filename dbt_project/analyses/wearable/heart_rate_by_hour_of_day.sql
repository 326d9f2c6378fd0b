-- What is each participant's mean heart rate at each hour of the day?
-- One row per participant and local hour. The mean is one of readings: a mean of hourly means would be another.
select
    reading.participant_key,
    extract(hour from timezone(participant.timezone, timezone('UTC', reading.bucket_start_at))) as hour_of_day,
    sum(reading.value_sum) / sum(reading.reading_count) as mean_heart_rate_bpm,
    min(reading.value_min) as min_heart_rate_bpm,
    max(reading.value_max) as max_heart_rate_bpm,
    sum(reading.reading_count)::bigint as reading_count
from wearable.reading_15m as reading
inner join wearable.participant as participant on reading.participant_key = participant.participant_key
where reading.metric = 'heart_rate_bpm'
group by
    reading.participant_key,
    hour_of_day
order by
    reading.participant_key,
    hour_of_day
