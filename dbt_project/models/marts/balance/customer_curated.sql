with customer as (

    select * from {{ ref('int_balance_customer__with_readings') }}

),

curated as (

    select
        participant_key,
        customer_key,
        clinic,
        email,
        serial_number,
        customer_name,
        phone,
        birth_date,
        registered_at,
        research_consent_at,
        is_serial_number_shared,
        accelerometer_reading_count,
        {{ seen_load_id(parents=[ref('int_balance_customer__with_readings')]) }} as seen_load_id
    from customer

)

select * from curated
