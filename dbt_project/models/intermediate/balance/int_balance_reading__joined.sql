with customer as (

    select * from {{ ref('int_balance_customer__with_readings') }}

),

accelerometer as (

    select * from {{ ref('accelerometer_trusted') }}

),

step_trainer as (

    select * from {{ ref('step_trainer_trusted') }}

),

paired as (

    -- of the same customer at the same time: time alone would pair one customer's steps with another's phone
    select
        customer.participant_key,
        customer.clinic,
        customer.email,
        customer.serial_number,
        customer.is_email_shared or customer.is_serial_number_shared as is_shared,
        accelerometer.measured_at,
        accelerometer.x,
        accelerometer.y,
        accelerometer.z,
        step_trainer.distance_from_object_cm
    from accelerometer
    inner join customer on accelerometer.clinic = customer.clinic and accelerometer.email = customer.email
    inner join step_trainer
        on
            customer.clinic = step_trainer.clinic
            and customer.serial_number = step_trainer.serial_number
            and accelerometer.measured_at = step_trainer.measured_at

),

attributed as (

    -- whose steps, or whose phone, these are cannot be told where two customers fit at one instant
    select
        participant_key,
        clinic,
        email,
        serial_number,
        measured_at,
        x,
        y,
        z,
        distance_from_object_cm,
        min(email) over same_steps != max(email) over same_steps
        or min(serial_number) over same_phone != max(serial_number) over same_phone as is_ambiguous
    from paired
    where is_shared
    window
        same_steps as (partition by clinic, serial_number, measured_at),
        same_phone as (partition by clinic, email, measured_at)
    union all
    select
        participant_key,
        clinic,
        email,
        serial_number,
        measured_at,
        x,
        y,
        z,
        distance_from_object_cm,
        false as is_ambiguous
    from paired
    where not is_shared

),

final as (

    select
        *,
        {{ seen_load_id(parents=[
            ref('int_balance_customer__with_readings'), ref('accelerometer_trusted'), ref('step_trainer_trusted')
        ]) }} as seen_load_id
    from attributed

)

select * from final
