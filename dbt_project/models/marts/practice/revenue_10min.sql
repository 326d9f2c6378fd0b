with revenue as (

    select * from {{ ref('int_practice_revenue__by_window') }}

),

final as (

    select
        -- the window
        clinic,
        category,
        window_start_at,
        {{ minutes_after('window_start_at', 10) }} as window_end_at,
        -- measures
        cast(revenue_eur as decimal(38, 2)) as revenue_eur,
        claim_count,
        patient_count,
        -- lineage
        seen_load_id as load_id
    from revenue
    -- claims without a category are no revenue
    where category is not null

)

select * from final
