with reading as (

    select * from {{ ref('stg_balance__accelerometer') }}

),

customer as (

    select * from {{ ref('customer_trusted') }}
    where is_email_consented

),

final as (

    -- the customers with an email address have all consented, or none of its readings is here
    select
        reading.clinic,
        reading.email,
        reading.measured_at,
        reading.x,
        reading.y,
        reading.z,
        reading.first_delivery,
        reading._load_id,
        {{ seen_load_id(parents=[ref('customer_trusted'), ref('customer_consent_history')]) }} as seen_load_id
    from reading
    semi join customer on reading.clinic = customer.clinic and reading.email = customer.email
    where {{ was_consented_when_taken('reading', 'email') }}

)

select * from final
