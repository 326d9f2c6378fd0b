with revenue as (

    select * from {{ ref('revenue_10min') }}

),

category as (

    select distinct
        clinic,
        category
    from revenue

),

span as (

    select
        clinic,
        min(window_start_at) as first_start_at,
        max(window_start_at) as last_start_at
    from revenue
    group by clinic

),

every_window as (

    select
        clinic,
        {{ window_starts('first_start_at', 'last_start_at', 10) }} as window_start_at
    from span

),

final as (

    select
        category.clinic,
        category.category,
        every_window.window_start_at,
        {{ minutes_after('every_window.window_start_at', 10) }} as window_end_at,
        coalesce(revenue.revenue_eur, 0) as revenue_eur,
        coalesce(revenue.claim_count, 0) as claim_count,
        coalesce(revenue.patient_count, 0) as patient_count
    from category
    inner join every_window on category.clinic = every_window.clinic
    left join revenue
        on
            category.clinic = revenue.clinic
            and category.category = revenue.category
            and every_window.window_start_at = revenue.window_start_at

)

select * from final
