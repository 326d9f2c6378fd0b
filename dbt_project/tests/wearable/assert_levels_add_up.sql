-- A returned row is a participant's metric of which two levels of roll-ups differ in number or sum.
{{ config(meta={'dagster': {'ref': {'name': 'int_wearable_reading__by_day'}}}) }}

with counted as (

    {% for model in ['by_minute', 'by_quarter_hour', 'by_hour', 'by_day'] %}
        select
            '{{ model }}' as model_name,
            participant_key,
            metric,
            sum(reading_count) as reading_count,
            sum(value_sum_millionths) as value_sum_millionths,
            sum(value_square_sum) as value_square_sum
        from {{ ref('int_wearable_reading__' ~ model) }}
        group by participant_key, metric
        {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

final as (

    select
        participant_key,
        metric
    from counted
    group by participant_key, metric
    having
        count(*) < 4
        or min(reading_count) < max(reading_count)
        or min(value_sum_millionths) < max(value_sum_millionths)
        or min(value_square_sum) < max(value_square_sum)

)

select * from final
