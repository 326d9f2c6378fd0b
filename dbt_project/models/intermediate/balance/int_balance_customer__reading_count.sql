with customer as (

    select * from {{ ref('int_balance_customer__consent_status') }}

),

accelerometer as (

    select * from {{ ref('stg_balance__accelerometer') }} as reading
    where {{ was_consented_when_taken('reading', 'email') }}

),

step_trainer as (

    select * from {{ ref('stg_balance__step_trainer') }} as reading
    where {{ was_consented_when_taken('reading', 'serial_number') }}

),

counted as (

    select
        customer.customer_key,
        'accelerometer' as entity,
        accelerometer.first_delivery as delivery,
        count(*) as row_count
    from customer
    inner join accelerometer on customer.clinic = accelerometer.clinic and customer.email = accelerometer.email
    group by all
    union all
    select
        customer.customer_key,
        'step_trainer' as entity,
        step_trainer.first_delivery as delivery,
        count(*) as row_count
    from customer
    inner join step_trainer
        on customer.clinic = step_trainer.clinic and customer.serial_number = step_trainer.serial_number
    group by all
    union all
    select
        customer.customer_key,
        'machine_learning' as entity,
        greatest(accelerometer.first_delivery, step_trainer.first_delivery) as delivery,
        count(*) as row_count
    from customer
    inner join accelerometer on customer.clinic = accelerometer.clinic and customer.email = accelerometer.email
    inner join step_trainer
        on
            customer.clinic = step_trainer.clinic
            and customer.serial_number = step_trainer.serial_number
            and accelerometer.measured_at = step_trainer.measured_at
    group by all

),

final as (

    select
        customer_key,
        delivery,
        coalesce(sum(row_count) filter (where entity = 'accelerometer'), 0)::bigint as accelerometer_count,
        coalesce(sum(row_count) filter (where entity = 'step_trainer'), 0)::bigint as step_trainer_count,
        coalesce(sum(row_count) filter (where entity = 'machine_learning'), 0)::bigint as machine_learning_count
    from counted
    group by customer_key, delivery

)

select * from final
