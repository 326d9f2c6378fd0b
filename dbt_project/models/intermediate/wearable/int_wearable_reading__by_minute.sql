{{
    config(
        materialized='incremental',
        incremental_strategy='replace_partitions',
        on_schema_change='fail',
        meta={'replaces_partitions_by_hash': 'int_wearable_day__source_hash'},
    )
}}

with changed_day as (

    {{ changed_partitions(ref('int_wearable_day__source_hash')) }}

),

coverage as (

    select * from {{ ref('int_wearable_file__time_coverage') }}

),

reading as (

    select * from {{ ref('stg_wearable__reading') }}

),

file as (

    select * from {{ ref('stg_wearable__file') }}

),

roster as (

    select * from {{ ref('stg_wearable__roster') }}

),

changed_series as (

    -- a day as it is written may reach into the days before and after it in UTC
    select distinct
        coverage.series_id,
        coverage.written_on
    from coverage
    inner join changed_day
        on
            coverage.participant_key = changed_day.participant_key
            and coverage.metric = changed_day.metric
            and coverage.written_on between changed_day.measured_on - 1 and changed_day.measured_on + 1

),

changed_reading as (

    -- A semi join reads its right side first, so only the blocks of readings with these numbers are read. An inner join
    -- read every reading there is.
    select reading.*
    from reading
    semi join changed_series
        on reading.series_id = changed_series.series_id and reading.written_on = changed_series.written_on

),

located as (

    select
        reading.participant_key,
        reading.metric,
        reading.value,
        reading.is_plausible,
        reading._row_number,
        file.last_delivery,
        file.path_below,
        roster.withdrawn_on,
        coalesce(reading.utc_time, {{ local_to_utc('reading.local_time', 'roster.timezone') }}) as measured_at,
        cast(
            coalesce(reading.local_time, {{ utc_to_local('reading.utc_time', 'roster.timezone') }}) as date
        ) as local_date
    from changed_reading as reading
    inner join file on reading._raw_path = file.raw_path
    inner join roster on reading.participant_key = roster.participant_key

),

latest_delivery as (

    -- of readings at the same time the latest delivery's counts, plausible or not; within one, the last
    select
        located.*,
        changed_day.measured_on,
        changed_day.source_hash,
        case
            when
                located.is_plausible
                and (located.withdrawn_on is null or located.local_date <= located.withdrawn_on)
                then located.value
        end as counted_value
    from located
    inner join changed_day
        on
            located.participant_key = changed_day.participant_key
            and located.metric = changed_day.metric
            and cast(located.measured_at as date) = changed_day.measured_on
    qualify row_number() over (
        partition by located.participant_key, located.metric, located.measured_at
        order by located.last_delivery desc, located.path_below desc, located._row_number desc
    ) = 1

),

final as (

    -- also minutes in which no reading counts, so that every day keeps a row with its hash
    select
        participant_key,
        metric,
        measured_on,
        {{ time_bucket_minutes('measured_at', 1) }} as bucket_start_at,
        count(counted_value) as reading_count,
        cast(count(counted_value) > 0 as bigint) as minute_count,
        {{ exact_sum(as_millionths('counted_value')) }} as value_sum_millionths,
        {{ exact_sum_of_squares(as_millionths('counted_value')) }} as value_square_sum,
        min(counted_value) as value_min,
        max(counted_value) as value_max,
        source_hash,
        {{ rule_hash() }} as rule_hash
    from latest_delivery
    group by participant_key, metric, measured_on, bucket_start_at, source_hash

)

-- By days, as they are added later: a period of time then lies in few blocks of the table. By participants first it
-- would not: the engine knows the first and last key of a block by eight letters, which are those of the study.
select * from final
order by measured_on, participant_key, metric, bucket_start_at
