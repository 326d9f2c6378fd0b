with customer as (

    select * from {{ ref('int_balance_customer__consent_status') }}

),

consented as (

    select
        customer_key,
        {{ participant_key('customer_key') }} as participant_key,
        clinic,
        email,
        serial_number,
        customer_name,
        phone,
        birth_date,
        registered_at,
        last_updated_at,
        research_consent_at,
        public_consent_at,
        friends_consent_at,
        is_email_consented,
        is_device_consented,
        is_email_shared,
        is_serial_number_shared,
        {{ seen_load_id(parents=[ref('int_balance_customer__consent_status')]) }} as seen_load_id
    from customer
    where has_research_consent

)

select * from consented
