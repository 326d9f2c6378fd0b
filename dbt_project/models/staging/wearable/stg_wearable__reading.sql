with source as (

    select * from {{ source('raw', 'wearable_reading') }}

),

final as (

    -- with repeats: which reading counts is decided for the days that change, not for all at once
    select
        -- ids
        series_id,
        clinic || ':' || participant as participant_key,
        metric,
        -- measures
        value,
        false
        {% for name, limits in wearable_metrics().items() %}
            or (metric = '{{ name }}' and value between {{ limits[0] }} and {{ limits[1] }})
        {% endfor %} as is_plausible,
        -- times
        local_time,
        utc_time,
        cast(coalesce(utc_time, local_time) as date) as written_on,
        sleep_date,
        -- lineage
        _raw_path,
        _row_number,
        _load_id
    from source

)

select * from final
