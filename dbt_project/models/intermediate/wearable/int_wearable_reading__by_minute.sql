{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['participant_key', 'metric', 'measured_on'],
        on_schema_change='fail',
    )
}}

-- depends_on: {{ ref('int_wearable_file__time_coverage') }}
with reading as (

    select * from {{ ref('stg_wearable__reading') }}

),

file as (

    select * from {{ ref('stg_wearable__file') }}

),

roster as (

    select * from {{ ref('stg_wearable__roster') }}

),

fingerprinted as (

    select * from {{ ref('int_wearable_day__source_hash') }}

),

{% if is_incremental() %}

    covered as (

        select * from {{ ref('int_wearable_file__time_coverage') }}

    ),

    known as (

        select
            participant_key,
            metric,
            measured_on,
            fingerprint
        from {{ this }}
        where bucket_start_at is null

    ),

    changed as (

        -- also days that lost all their readings: their files went, or the roster says another time zone
        select
            coalesce(fingerprinted.participant_key, known.participant_key) as participant_key,
            coalesce(fingerprinted.metric, known.metric) as metric,
            coalesce(fingerprinted.measured_on, known.measured_on) as measured_on,
            fingerprinted.fingerprint
        from fingerprinted
        full outer join known
            on
                fingerprinted.participant_key = known.participant_key
                and fingerprinted.metric = known.metric
                and fingerprinted.measured_on = known.measured_on
        where fingerprinted.fingerprint is distinct from known.fingerprint

    ),

    changed_file as (

        -- a day as it is written may reach into the days before and after it in UTC
        select distinct
            covered.series_id,
            covered.written_on
        from covered
        inner join changed
            on
                covered.participant_key = changed.participant_key
                and covered.metric = changed.metric
                and covered.written_on between changed.measured_on - 1 and changed.measured_on + 1

    ),

    of_changed_file as (

        -- A semi join begins with its right side, so that few of the readings' blocks are read: those with these
        -- numbers. (In an inner join the engine, which does not know how few they are, read every reading there is.)
        select reading.*
        from reading
        semi join changed_file on reading.series_id = changed_file.series_id

    ),

    chosen as (

        select
            of_changed_file.*,
            file.last_delivery,
            file.path_below
        from of_changed_file
        inner join file on of_changed_file._raw_path = file.raw_path
        semi join changed_file
            on
                of_changed_file.series_id = changed_file.series_id
                and of_changed_file.written_on = changed_file.written_on

    ),

{% else %}

    changed as (

        select * from fingerprinted

    ),

    chosen as (

        select
            reading.*,
            file.last_delivery,
            file.path_below
        from reading
        inner join file on reading._raw_path = file.raw_path

    ),

{% endif %}

placed as (

    select
        chosen.participant_key,
        chosen.metric,
        chosen.value,
        chosen.is_plausible,
        chosen.last_delivery,
        chosen.path_below,
        chosen._row_number,
        roster.withdrawn_on,
        coalesce(chosen.utc_time, {{ local_to_utc('chosen.local_time', 'roster.timezone') }}) as measured_at,
        cast(
            coalesce(chosen.local_time, {{ utc_to_local('chosen.utc_time', 'roster.timezone') }}) as date
        ) as local_date
    from chosen
    inner join roster on chosen.participant_key = roster.participant_key

),

{% if is_incremental() %}

    of_changed as (

        select placed.*
        from placed
        inner join changed
            on
                placed.participant_key = changed.participant_key
                and placed.metric = changed.metric
                and cast(placed.measured_at as date) = changed.measured_on

    ),

{% else %}

    of_changed as (

        select * from placed

    ),

{% endif %}

latest_delivery as (

    -- of readings at the same time the latest delivery's counts, plausible or not; within one, the last
    select *
    from of_changed
    qualify row_number() over (
        partition by participant_key, metric, measured_at
        order by last_delivery desc, path_below desc, _row_number desc
    ) = 1

),

counted as (

    select
        participant_key,
        metric,
        value,
        cast(measured_at as date) as measured_on,
        {{ bucket_start('measured_at', 1) }} as bucket_start_at,
        {{ as_millionths('value') }} as millionths
    from latest_delivery
    where is_plausible and (withdrawn_on is null or local_date <= withdrawn_on)

),

rolled_up as (

    select
        participant_key,
        metric,
        measured_on,
        bucket_start_at,
        count(*) as reading_count,
        cast(1 as bigint) as minute_count,
        sum(millionths) as value_sum_millionths,
        sum(cast(millionths as hugeint) * millionths) as value_square_sum,
        min(value) as value_min,
        max(value) as value_max
    from counted
    group by participant_key, metric, measured_on, bucket_start_at

),

marked as (

    -- A day has one row without a bucket, and in it what the day was made of: to see which days have changed, these few
    -- are read and not the buckets.
    select
        rolled_up.*,
        cast(null as ubigint) as fingerprint
    from rolled_up
    inner join changed
        on
            rolled_up.participant_key = changed.participant_key
            and rolled_up.metric = changed.metric
            and rolled_up.measured_on = changed.measured_on

    union all by name

    select
        participant_key,
        metric,
        measured_on,
        cast(null as timestamp) as bucket_start_at,
        0 as reading_count,
        0 as minute_count,
        0 as value_sum_millionths,
        0 as value_square_sum,
        fingerprint
    from changed

)

select * from marked
order by measured_on, participant_key, metric, bucket_start_at
