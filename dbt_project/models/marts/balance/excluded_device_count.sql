with excluded_device as (

    select * from {{ ref('excluded_device') }}

),

final as (

    select
        clinic,
        reason,
        count(*) as device_count,
        sum(customer_count)::bigint as customer_count,
        sum(step_reading_count)::bigint as step_reading_count
    from excluded_device
    group by clinic, reason

)

select * from final
