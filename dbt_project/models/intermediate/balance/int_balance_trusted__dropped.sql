with customer as (

    select * from {{ ref('customer_trusted') }}

),

customer_with_readings as (

    select * from {{ ref('int_balance_customer__with_readings') }}

),

accelerometer as (

    select * from {{ ref('accelerometer_trusted') }}

),

step_trainer as (

    select * from {{ ref('step_trainer_trusted') }}

),

joined_reading as (

    select * from {{ ref('int_balance_reading__joined') }}

),

customer_outcome as (

    select
        'customer' as entity,
        case
            when customer_with_readings.customer_key is not null then null
            when not customer.is_email_consented then 'email address shared without consent'
            else 'no accelerometer readings'
        end as outcome
    from customer
    left join customer_with_readings on customer.customer_key = customer_with_readings.customer_key

),

{% for entity, column, other in [
    ('accelerometer', 'email', 'step'), ('step_trainer', 'serial_number', 'accelerometer')
] %}

    {{ entity }}_instant as (

        select
            clinic,
            {{ column }},
            measured_at,
            bool_and(is_ambiguous) as is_ambiguous
        from joined_reading
        group by clinic, {{ column }}, measured_at

    ),

    {{ entity }}_outcome as (

        select
            '{{ entity }}' as entity,
            case
                when {{ entity }}_instant.is_ambiguous then 'several customers fit at that instant'
                when {{ entity }}_instant.is_ambiguous is null then 'no {{ other }} reading at that instant'
            end as outcome
        from {{ entity }}
        left join {{ entity }}_instant
            on
                {{ entity }}.clinic = {{ entity }}_instant.clinic
                and {{ entity }}.{{ column }} = {{ entity }}_instant.{{ column }}
                and {{ entity }}.measured_at = {{ entity }}_instant.measured_at

    ),

{% endfor %}

outcome as (

    select * from customer_outcome
    union all
    select * from accelerometer_outcome
    union all
    select * from step_trainer_outcome

),

final as (

    select
        entity,
        outcome,
        count(*) as row_count
    from outcome
    where outcome is not null
    group by entity, outcome

)

select * from final
