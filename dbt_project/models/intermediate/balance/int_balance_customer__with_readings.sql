with customer as (

    select * from {{ ref('customer_trusted') }}

),

reading as (

    select * from {{ ref('accelerometer_trusted') }}

),

counted as (

    select
        clinic,
        email,
        count(*) as accelerometer_reading_count
    from reading
    group by clinic, email

),

measured as (

    select
        customer.customer_key,
        customer.participant_key,
        customer.clinic,
        customer.email,
        customer.serial_number,
        customer.customer_name,
        customer.phone,
        customer.birth_date,
        customer.registered_at,
        customer.last_updated_at,
        customer.research_consent_at,
        customer.public_consent_at,
        customer.friends_consent_at,
        customer.is_email_consented,
        customer.is_device_consented,
        customer.is_email_shared,
        customer.is_serial_number_shared,
        counted.accelerometer_reading_count,
        {{ seen_load_id(parents=[ref('customer_trusted'), ref('accelerometer_trusted')]) }} as seen_load_id
    from customer
    inner join counted on customer.clinic = counted.clinic and customer.email = counted.email

)

select * from measured
