with customer as (

    select * from {{ source('raw', 'balance_customer') }}

),

delivered_content as (

    select * from {{ source('catalog', 'delivered_content') }}

),

normalised as (

    select
        *,
        {{ normalise_identifier('email') }} as person_email,
        {{ normalise_identifier('serialnumber') }} as device_serial_number
    from customer

),

final as (

    select
        -- ids
        normalised.clinic || ':' || normalised.person_email || ':' || normalised.device_serial_number as customer_key,
        normalised.clinic,
        normalised.person_email as email,
        normalised.device_serial_number as serial_number,
        -- attributes
        normalised.customername as customer_name,
        normalised.phone,
        {{ text_to_date('normalised.birthday') }} as birth_date,
        -- times
        {{ epoch_ms_text_to_timestamp('normalised.registrationdate') }} as registered_at,
        {{ epoch_ms_to_timestamp('normalised.lastupdatedate') }} as last_updated_at,
        -- consents
        {{ epoch_ms_text_to_timestamp('normalised.sharewithresearchasofdate') }} as research_consent_at,
        {{ epoch_ms_text_to_timestamp('normalised.sharewithpublicasofdate') }} as public_consent_at,
        {{ epoch_ms_text_to_timestamp('normalised.sharewithfriendsasofdate') }} as friends_consent_at,
        normalised.sharewithresearchasofdate is not null as has_research_consent_text,
        -- lineage
        delivered_content.path_below,
        delivered_content.first_delivery,
        delivered_content.last_delivery,
        normalised._raw_path,
        normalised._row_number,
        normalised._load_id
    from normalised
    inner join delivered_content on normalised._raw_path = delivered_content.raw_path

)

select * from final
