{%- set tables = [
    ('customer', 'lake', 'stg_balance__customer', 'count(*)'),
    ('accelerometer', 'lake', 'stg_balance__accelerometer', 'sum(delivered_row_count)'),
    ('step_trainer', 'lake', 'stg_balance__step_trainer', 'sum(delivered_row_count)'),
    ('customer', 'landing', 'customer_trusted', 'count(*)'),
    ('accelerometer', 'landing', 'accelerometer_trusted', 'count(*)'),
    ('step_trainer', 'landing', 'step_trainer_trusted', 'count(*)'),
    ('customer', 'trusted', 'customer_curated', 'count(*)'),
    ('accelerometer', 'trusted', 'machine_learning_curated', 'count(distinct (participant_key, measured_at, x, y, z))'),
    (
        'step_trainer', 'trusted', 'machine_learning_curated',
        'count(distinct (participant_key, measured_at, distance_from_object_cm))'
    ),
] -%}

with record as (

    select * from {{ ref('stg_balance__customer') }}

),

customer as (

    select * from {{ ref('int_balance_customer__consent_status') }}

),

accelerometer as (

    select * from {{ ref('stg_balance__accelerometer') }}

),

step_trainer as (

    select * from {{ ref('stg_balance__step_trainer') }}

),

excluded_device as (

    select * from {{ ref('excluded_device') }}

),

email as (

    select
        clinic,
        email,
        bool_or(has_research_consent) as has_consented_customer,
        bool_and(has_research_consent) as is_consented
    from customer
    group by clinic, email

),

outcome as (

    -- kept is counted in the tables themselves, not as the rest of what was not dropped: that both add up is a check
    {% for entity, from_zone, table, row_count in tables %}
        select
            '{{ entity }}' as entity,
            '{{ from_zone }}' as from_zone,
            'kept' as outcome,
            coalesce({{ row_count }}, 0) as row_count
        from {{ ref(table) }}
        union all
    {% endfor %}
    select
        file.entity,
        'lake' as from_zone,
        'refused: not readable' as outcome,
        1 as row_count
    from {{ ref('stg_catalog__rejected_row') }} as rejected_row
    inner join {{ ref('stg_catalog__file') }} as file on rejected_row.raw_path = file.raw_path -- noqa: RF04
    where file.measurement = 'balance' and file.entity is not null
    union all
    select
        'customer' as entity,
        'landing' as from_zone,
        'older record of the same customer' as outcome,
        count(*) - count(distinct customer_key) as row_count
    from record
    union all
    select
        'customer' as entity,
        'landing' as from_zone,
        case
            when has_research_consent then null
            when research_consent_at is not null then 'research consent begins in the future'
            when has_research_consent_text then 'research consent that cannot be read'
            else 'no research consent'
        end as outcome,
        1 as row_count
    from customer
    {% for entity in ['accelerometer', 'step_trainer'] %}
        union all
        select
            '{{ entity }}' as entity,
            'landing' as from_zone,
            'delivered again' as outcome,
            delivered_row_count - 1 as row_count
        from {{ entity }}
    {% endfor %}
    union all
    select
        'accelerometer' as entity,
        'landing' as from_zone,
        case
            when email.email is null then 'no customer has this email address'
            when not email.has_consented_customer then 'no research consent'
            when not email.is_consented then 'email address shared without consent'
            when not ({{ was_consented_when_taken('accelerometer', 'email') }})
                then 'taken while there was no consent'
        end as outcome,
        1 as row_count
    from accelerometer
    left join email on accelerometer.clinic = email.clinic and accelerometer.email = email.email
    union all
    select
        'step_trainer' as entity,
        'landing' as from_zone,
        case
            when excluded_device.reason is not null then excluded_device.reason
            when not ({{ was_consented_when_taken('step_trainer', 'serial_number') }})
                then 'taken while there was no consent'
        end as outcome,
        1 as row_count
    from step_trainer
    left join excluded_device
        on step_trainer.clinic = excluded_device.clinic and step_trainer.serial_number = excluded_device.serial_number
    union all
    select
        entity,
        'trusted' as from_zone,
        outcome,
        row_count
    from {{ ref('int_balance_trusted__dropped') }}

),

final as (

    select
        entity,
        from_zone,
        case from_zone when 'lake' then 'landing' when 'landing' then 'trusted' else 'curated' end as to_zone,
        outcome,
        outcome = 'kept' as is_kept,
        sum(row_count)::bigint as row_count
    from outcome
    where outcome is not null
    group by entity, from_zone, outcome
    having outcome = 'kept' or sum(row_count) > 0

)

select * from final
