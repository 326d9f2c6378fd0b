with record as (

    select * from {{ ref('stg_balance__customer') }}

),

latest as (

    select
        *,
        {{ shows_consent('research_consent_at', 'last_updated_at') }} as has_research_consent
    from record
    qualify row_number() over (partition by customer_key order by {{ latest_record_first() }}) = 1

),

final as (

    -- a reading names an email address or a device, not a customer: it may be of anybody who has that address or device
    select
        *,
        bool_and(has_research_consent) over same_email as is_email_consented,
        bool_and(has_research_consent) over same_device as is_device_consented,
        count(*) over same_email > 1 as is_email_shared,
        count(*) over same_device > 1 as is_serial_number_shared,
        {{ seen_load_id() }} as seen_load_id
    from latest
    window
        same_email as (partition by clinic, email),
        same_device as (partition by clinic, serial_number)

)

-- all columns of staging, whichever they are, and those added here
select * from final
