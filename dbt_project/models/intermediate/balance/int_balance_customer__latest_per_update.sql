with record as (

    select * from {{ ref('stg_balance__customer') }}

),

final as (

    -- one record counts of several of the same customer and time
    select *
    from record
    qualify
        row_number() over (
            partition by customer_key, last_updated_at
            order by {{ latest_record_first() }}
        ) = 1

)

select * from final
