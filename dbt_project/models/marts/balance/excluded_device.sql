with customer as (

    select * from {{ ref('int_balance_customer__consent_status') }}

),

measured as (

    select distinct
        clinic,
        serial_number
    from {{ ref('int_balance_customer__with_readings') }}

),

reading as (

    select
        clinic,
        serial_number,
        count(*) as step_reading_count
    from {{ ref('stg_balance__step_trainer') }}
    group by clinic, serial_number

),

device as (

    select
        clinic,
        serial_number,
        count(*) as customer_count,
        count(*) filter (where has_research_consent) as consenting_customer_count
    from customer
    group by clinic, serial_number

),

device_with_reason as (

    select
        coalesce(device.clinic, reading.clinic) as clinic,
        coalesce(device.serial_number, reading.serial_number) as serial_number,
        case
            when device.serial_number is null then 'no customer is known'
            when device.consenting_customer_count = 0 then 'no customer has consented'
            when device.consenting_customer_count < device.customer_count
                then 'shared with a customer without consent'
            when measured.serial_number is null then 'no customer has accelerometer readings'
        end as reason,
        coalesce(device.customer_count, 0) as customer_count,
        coalesce(device.consenting_customer_count, 0) as consenting_customer_count,
        coalesce(reading.step_reading_count, 0) as step_reading_count
    from device
    full outer join reading on device.clinic = reading.clinic and device.serial_number = reading.serial_number
    left join measured on device.clinic = measured.clinic and device.serial_number = measured.serial_number

),

final as (

    select
        clinic || ':' || serial_number as device_key,
        *
    from device_with_reason
    where reason is not null

)

select * from final
