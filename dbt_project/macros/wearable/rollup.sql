{#
    Roll-up of a finer roll-up of readings, to buckets of so many minutes: counts, sums and sums of squares add up exactly, so
    a level does not depend on the way to it.

    Arguments
        finer: name of the finer model.
        minutes: length of a bucket; a multiple of the finer one's.
#}
{% macro rolled_up(finer, minutes) -%}
with changed_day as (

    {{ changed_partitions(ref('int_wearable_day__source_hash')) }}

),

finer as (

    -- A semi join reads its right side first, so only the blocks of the finer level with these days are read.
    select finer.*
    from {{ ref(finer) }} as finer
    semi join changed_day
        on
            finer.participant_key = changed_day.participant_key
            and finer.metric = changed_day.metric
            and finer.measured_on = changed_day.measured_on
            and finer.source_hash = changed_day.source_hash

),

final as (

    select
        participant_key,
        metric,
        measured_on,
        {{ time_bucket_minutes('bucket_start_at', minutes) }} as bucket_start_at,
        cast(sum(reading_count) as bigint) as reading_count,
        cast(sum(minute_count) as bigint) as minute_count,
        {{ exact_sum('value_sum_millionths') }} as value_sum_millionths,
        {{ exact_sum('value_square_sum') }} as value_square_sum,
        min(value_min) as value_min,
        max(value_max) as value_max,
        source_hash,
        {{ rule_hash() }} as rule_hash
    from finer
    group by
        participant_key,
        metric,
        measured_on,
        {{ time_bucket_minutes('bucket_start_at', minutes) }},
        source_hash

)

select * from final
order by measured_on, participant_key, metric, bucket_start_at
{%- endmacro %}

{#
    A roll-up as people read it: buckets with readings that count, sums as numbers, mean and standard deviation from the
    exact sums.

    Arguments
        rollup: name of the model.
#}
{% macro readable_rollup(rollup) -%}
with rollup as (

    select * from {{ ref(rollup) }}

),

final as (

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
    where reading_count > 0

)

select * from final
{%- endmacro %}
