with record as (

    select * from {{ ref('int_balance_customer__latest_per_update') }}

),

latest as (

    select * from record
    qualify row_number() over (partition by customer_key order by last_updated_at desc) = 1

),

judged as (

    select
        customer_key,
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
        has_research_consent_text,
        path_below,
        first_delivery,
        last_delivery,
        _raw_path,
        _row_number,
        _load_id,
        {{ shows_consent('research_consent_at', 'last_updated_at') }} as has_research_consent
    from latest

),

compared as (

    -- a reading names an email address or a device, not a customer: it may be anybody's who has that
    select
        *,
        bool_and(has_research_consent) over same_email as is_email_consented,
        bool_and(has_research_consent) over same_device as is_device_consented,
        count(*) over same_email > 1 as is_email_shared,
        count(*) over same_device > 1 as is_serial_number_shared,
        {{ seen_load_id(parents=[ref('int_balance_customer__latest_per_update')]) }} as seen_load_id
    from judged
    window
        same_email as (partition by clinic, email),
        same_device as (partition by clinic, serial_number)

)

select * from compared
