{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['participant_key', 'local_date'],
        on_schema_change='fail',
    )
}}

with roster as (

    select * from {{ ref('stg_wearable__roster') }}

),

by_quarter_hour as (

    select * from {{ ref('int_wearable_reading__by_quarter_hour') }}

),

utc_day as (

    -- not out of `by_quarter_hour`: what is asked for twice is read whole first
    select
        participant_key,
        metric,
        measured_on,
        fingerprint
    from {{ ref('int_wearable_reading__by_quarter_hour') }}
    where bucket_start_at is null

),

around as (

    -- a local day lies in two days of UTC at most, of which one has its date
    select
        participant_key,
        metric,
        measured_on,
        fingerprint,
        {{ days_between('measured_on - 1', 'measured_on + 1') }} as local_date
    from utc_day

),

fingerprinted as (

    select
        participant_key,
        local_date,
        {{ fingerprint(['metric', 'measured_on', 'fingerprint']) }} as fingerprint
    from around
    group by participant_key, local_date

),

{% if is_incremental() %}

    known as (

        select
            participant_key,
            local_date,
            fingerprint
        from {{ this }}

    ),

    changed as (

        -- also days of which nothing is left
        select
            coalesce(fingerprinted.participant_key, known.participant_key) as participant_key,
            coalesce(fingerprinted.local_date, known.local_date) as local_date,
            fingerprinted.fingerprint
        from fingerprinted
        full outer join known
            on
                fingerprinted.participant_key = known.participant_key
                and fingerprinted.local_date = known.local_date
        where fingerprinted.fingerprint is distinct from known.fingerprint

    ),

    changed_utc_day as (

        select distinct
            participant_key,
            {{ days_between('local_date - 1', 'local_date + 1') }} as measured_on
        from changed

    ),

    chosen as (

        -- a semi join begins with its right side, so that few blocks of the table are read: those of these days
        select by_quarter_hour.*
        from by_quarter_hour
        semi join changed_utc_day
            on
                by_quarter_hour.participant_key = changed_utc_day.participant_key
                and by_quarter_hour.measured_on = changed_utc_day.measured_on

    ),

{% else %}

    changed as (

        select * from fingerprinted

    ),

    chosen as (

        select * from by_quarter_hour

    ),

{% endif %}

quarter as (

    -- every zone's offset is a multiple of a quarter of an hour, so such a bucket lies in one local day
    select
        chosen.participant_key,
        chosen.metric,
        chosen.reading_count,
        chosen.minute_count,
        chosen.value_sum_millionths,
        chosen.bucket_start_at,
        {{ utc_to_local('chosen.bucket_start_at', 'roster.timezone') }} as local_start_time,
        -- the participant's hour, told in UTC: the one that is repeated in autumn is two
        chosen.bucket_start_at - (local_start_time - date_trunc('hour', local_start_time)) as hour_start_at
    from chosen
    inner join roster on chosen.participant_key = roster.participant_key
    where chosen.bucket_start_at is not null

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

of_changed as (

    select
        changed.participant_key,
        changed.local_date,
        measured.last_bucket_start_at,
        {% for metric in wearable_metrics() %}
            measured.{{ metric }}_reading_count,
        {% endfor %}
        measured.worn_minutes,
        measured.worn_hours,
        measured.resting_heart_rate_bpm,
        changed.fingerprint
    from changed
    left join measured
        on changed.participant_key = measured.participant_key and changed.local_date = measured.local_date

)

select * from of_changed
order by local_date, participant_key
