with reading as (

    select * from {{ ref('stg_balance__step_trainer') }}

),

customer as (

    select * from {{ ref('int_balance_customer__with_readings') }}
    where is_device_consented

),

final as (

    -- the customers with a device have all consented, or none of its readings is here
    select
        reading.clinic,
        reading.serial_number,
        reading.measured_at,
        reading.distance_from_object_cm,
        reading.first_delivery,
        reading._load_id,
        {{ seen_load_id(parents=[
            ref('int_balance_customer__with_readings'), ref('customer_consent_history')
        ]) }} as seen_load_id
    from reading
    semi join customer on reading.clinic = customer.clinic and reading.serial_number = customer.serial_number
    where {{ was_consented_when_taken('reading', 'serial_number') }}

)

select * from final
