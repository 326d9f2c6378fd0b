with record as (

    select
        *,
        {{ shows_consent('research_consent_at', 'last_updated_at') }} as has_research_consent,
        row_number() over (partition by customer_key order by {{ latest_record_first() }}) as place
    from {{ ref('stg_balance__customer') }}

),

accelerometer as (

    select * from {{ ref('stg_balance__accelerometer') }}

),

step_trainer as (

    select * from {{ ref('stg_balance__step_trainer') }}

),

customer as (

    select * from {{ ref('int_balance_customer__consent_status') }}

),

known as (

    -- after each delivery that spoke of a customer: which of the records known by then was the latest
    select distinct
        customer_key,
        first_delivery as delivery,
        min(place) over (
            partition by customer_key
            order by first_delivery
            range between unbounded preceding and current row
        ) as place
    from record

),

state as (

    select
        record.customer_key,
        record.clinic,
        record.email,
        record.serial_number,
        known.delivery,
        record.has_research_consent,
        lag(record.has_research_consent) over (
            partition by record.customer_key
            order by known.delivery
        ) as had_research_consent,
        case
            when record.has_research_consent then record.research_consent_at
            else record.last_updated_at
        end as changed_at
    from known
    inner join record on known.customer_key = record.customer_key and known.place = record.place

),

event as (

    select
        *,
        (had_research_consent is null)::integer as known_change,
        has_research_consent::integer - coalesce(had_research_consent, false)::integer as consented_change
    from state
    where has_research_consent is distinct from had_research_consent

),

{% for thing, column in [('email', 'email'), ('device', 'serial_number')] %}

    {{ thing }}_counted as (

        select
            clinic,
            {{ column }},
            delivery,
            sum(sum(known_change)) over later = sum(sum(consented_change)) over later as is_consented
        from event
        group by clinic, {{ column }}, delivery
        window later as (partition by clinic, {{ column }} order by delivery)

    ),

    {{ thing }}_state as (

        select
            *,
            coalesce(lag(is_consented) over (partition by clinic, {{ column }} order by delivery), false)
                as was_consented
        from {{ thing }}_counted

    ),

{% endfor %}

touched as (

    -- whose rows may come or go with a delivery: those with the email address or the device of somebody it speaks of
    select
        customer.customer_key,
        customer.clinic,
        customer.email,
        customer.serial_number,
        email_state.delivery
    from customer
    inner join email_state on customer.clinic = email_state.clinic and customer.email = email_state.email
    union
    select
        customer.customer_key,
        customer.clinic,
        customer.email,
        customer.serial_number,
        device_state.delivery
    from customer
    inner join device_state
        on customer.clinic = device_state.clinic and customer.serial_number = device_state.serial_number

),

accelerometer_taken as (

    select * from accelerometer
    where {{ was_consented_when_taken('accelerometer', 'email') }}

),

step_trainer_taken as (

    select * from step_trainer
    where {{ was_consented_when_taken('step_trainer', 'serial_number') }}

),

reading as (

    -- what hangs on a customer's consent, by the delivery that completed it
    select
        customer.customer_key,
        'accelerometer' as entity,
        accelerometer_taken.first_delivery as delivery,
        count(*) as row_count
    from customer
    inner join accelerometer_taken
        on customer.clinic = accelerometer_taken.clinic and customer.email = accelerometer_taken.email
    group by all
    union all
    select
        customer.customer_key,
        'step_trainer' as entity,
        step_trainer_taken.first_delivery as delivery,
        count(*) as row_count
    from customer
    inner join step_trainer_taken
        on customer.clinic = step_trainer_taken.clinic and customer.serial_number = step_trainer_taken.serial_number
    group by all
    union all
    select
        customer.customer_key,
        'machine_learning' as entity,
        greatest(accelerometer_taken.first_delivery, step_trainer_taken.first_delivery) as delivery,
        count(*) as row_count
    from customer
    inner join accelerometer_taken
        on customer.clinic = accelerometer_taken.clinic and customer.email = accelerometer_taken.email
    inner join step_trainer_taken
        on
            customer.clinic = step_trainer_taken.clinic
            and customer.serial_number = step_trainer_taken.serial_number
            and accelerometer_taken.measured_at = step_trainer_taken.measured_at
    group by all

),

delivered as (

    -- readings that had come before that delivery, and with it
    select
        touched.customer_key,
        touched.delivery,
        {% for entity in ['accelerometer', 'step_trainer', 'machine_learning'] %}
            coalesce(
                sum(reading.row_count) filter (
                    where reading.entity = '{{ entity }}' and reading.delivery < touched.delivery
                ),
                0
            )::bigint as {{ entity }}_before,
            coalesce(sum(reading.row_count) filter (where reading.entity = '{{ entity }}'), 0)::bigint
                as {{ entity }}_after{% if not loop.last %},{% endif %}
        {% endfor %}
    from touched
    left join reading on touched.customer_key = reading.customer_key and touched.delivery >= reading.delivery
    group by touched.customer_key, touched.delivery

),

{% for thing, column in [('email', 'email'), ('device', 'serial_number')] %}

    {{ thing }}_judged as (

        -- the last state that a delivery up to this one left, and the one before that delivery
        select
            touched.customer_key,
            touched.delivery,
            {{ thing }}_state.is_consented,
            case
                when touched.delivery = {{ thing }}_state.delivery then {{ thing }}_state.was_consented
                else {{ thing }}_state.is_consented
            end as was_consented
        from touched
        inner join {{ thing }}_state
            on
                touched.clinic = {{ thing }}_state.clinic
                and touched.{{ column }} = {{ thing }}_state.{{ column }}
                and touched.delivery >= {{ thing }}_state.delivery
        qualify row_number() over (
            partition by touched.customer_key, touched.delivery
            order by {{ thing }}_state.delivery desc
        ) = 1

    ),

{% endfor %}

judged as (

    select
        touched.customer_key,
        touched.clinic,
        touched.delivery,
        own.changed_at,
        own.has_research_consent,
        own.had_research_consent,
        {% for entity in ['accelerometer', 'step_trainer', 'machine_learning'] %}
            delivered.{{ entity }}_before,
            delivered.{{ entity }}_after,
        {% endfor %}
        email_judged.was_consented as had_accelerometer,
        email_judged.is_consented as has_accelerometer,
        email_judged.was_consented and device_judged.was_consented and delivered.accelerometer_before > 0
            as had_step_trainer,
        email_judged.is_consented and device_judged.is_consented and delivered.accelerometer_after > 0
            as has_step_trainer
    from touched
    inner join delivered on touched.customer_key = delivered.customer_key and touched.delivery = delivered.delivery
    inner join email_judged
        on touched.customer_key = email_judged.customer_key and touched.delivery = email_judged.delivery
    inner join device_judged
        on touched.customer_key = device_judged.customer_key and touched.delivery = device_judged.delivery
    left join event as own on touched.customer_key = own.customer_key and touched.delivery = own.delivery

),

changed as (

    select
        customer_key,
        clinic,
        delivery,
        changed_at,
        case
            when has_research_consent then 'given'
            when had_research_consent then 'withdrawn'
            else 'of another customer'
        end as consent_change,
        {% for entity, condition in [
            ('accelerometer', 'accelerometer'), ('step_trainer', 'step_trainer'), ('machine_learning', 'step_trainer')
        ] %}
            case
                when has_{{ condition }} and not had_{{ condition }} then {{ entity }}_after
                when had_{{ condition }} and not has_{{ condition }} then -{{ entity }}_before
                else 0
            end as {{ entity }}_row_change{% if not loop.last %},{% endif %}
        {% endfor %}
    from judged

),

final as (

    -- another customer's consent matters where it took rows away, or let them come
    select * from changed
    where
        consent_change != 'of another customer'
        or accelerometer_row_change != 0
        or step_trainer_row_change != 0

)

select * from final
