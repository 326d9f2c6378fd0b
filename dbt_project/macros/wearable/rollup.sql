{#
    A number that changes with any of the values of the rows that are grouped, and does not depend on their order.
#}
{% macro fingerprint(columns) -%}
    bit_xor(hash({{ columns | join(', ') }}))
{%- endmacro %}

{#
    Roll-up of a finer roll-up of readings, to buckets of so many minutes: counts, sums and sums of squares add up exactly, so
    a level does not depend on the way to it.

    Incremental by days, as the finest level: the days of a participant and metric whose fingerprint here is another than in
    the finer level are made anew. It stands in the one row without a bucket that each day has.

    Arguments
        finer: name of the finer model.
        minutes: length of a bucket; a multiple of the finer one's.
#}
{% macro coarser_rollup(finer, minutes) -%}
with finer as (

    select * from {{ ref(finer) }}

),

{% if is_incremental() %}

    finer_day as (

        -- not out of `finer`: what is asked for twice is read whole first
        select
            participant_key,
            metric,
            measured_on,
            fingerprint
        from {{ ref(finer) }}
        where bucket_start_at is null

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

        select
            finer_day.participant_key,
            finer_day.metric,
            finer_day.measured_on
        from finer_day
        left join known
            on
                finer_day.participant_key = known.participant_key
                and finer_day.metric = known.metric
                and finer_day.measured_on = known.measured_on
        where finer_day.fingerprint is distinct from known.fingerprint

    ),

    chosen as (

        -- a semi join begins with its right side, so that few blocks of the finer level are read: those of these days
        select finer.*
        from finer
        semi join changed
            on
                finer.participant_key = changed.participant_key
                and finer.metric = changed.metric
                and finer.measured_on = changed.measured_on

    ),

{% else %}

    chosen as (

        select * from finer

    ),

{% endif %}

rolled_up as (

    select
        participant_key,
        metric,
        measured_on,
        {{ bucket_start('bucket_start_at', minutes) }} as bucket_start_at,
        cast(sum(reading_count) as bigint) as reading_count,
        cast(sum(minute_count) as bigint) as minute_count,
        sum(value_sum_millionths) as value_sum_millionths,
        sum(value_square_sum) as value_square_sum,
        min(value_min) as value_min,
        max(value_max) as value_max,
        any_value(fingerprint) as fingerprint
    from chosen
    group by participant_key, metric, measured_on, {{ bucket_start('bucket_start_at', minutes) }}

)

-- By days, as they are added later: a stretch of time then lies in few blocks of the table. By participants first it would
-- not: the engine knows the least and greatest key of a block by eight letters, which are those of the study.
select * from rolled_up
order by measured_on, participant_key, metric, bucket_start_at
{%- endmacro %}

{#
    A roll-up as people read it: buckets with readings, sums as numbers, mean and standard deviation from the exact sums.

    Arguments
        rollup: name of the incremental model.
#}
{% macro readable_rollup(rollup) -%}
with rollup as (

    select * from {{ ref(rollup) }}

),

readable as (

    select
        participant_key,
        metric,
        bucket_start_at,
        reading_count,
        {{ from_millionths('value_sum_millionths') }} as value_sum,
        value_min,
        value_max,
        {{ from_millionths('value_sum_millionths') }} / reading_count as value_mean,
        -- n * sum of squares - square of the sum, in whole numbers: nothing is lost where all values are nearly the same
        case
            when reading_count > 1
                then sqrt(
                    cast(reading_count * value_square_sum - value_sum_millionths * value_sum_millionths as double)
                    / (cast(reading_count as double) * (reading_count - 1))
                ) / 1000000
        end as value_std
    from rollup
    where bucket_start_at is not null

)

select * from readable
{%- endmacro %}
