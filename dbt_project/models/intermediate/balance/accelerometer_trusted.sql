with reading as (

    select * from {{ ref('stg_balance__accelerometer') }}

),

customer as (

    select * from {{ ref('customer_trusted') }}

),

consented as (

    -- the customers with an email address have all consented, or none of its readings is here
    select distinct
        clinic,
        email
    from customer
    where is_email_consented

),

trusted as (

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
    inner join consented on reading.clinic = consented.clinic and reading.email = consented.email
    where {{ was_consented_when_taken('reading', 'email') }}

)

select * from trusted
