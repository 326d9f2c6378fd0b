with rejected_row as (

    select * from {{ ref('stg_catalog__rejected_row') }}

),

file as (

    select * from {{ ref('stg_catalog__file') }}

),

record as (

    select * from {{ ref('stg_balance__customer') }}

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

trusted_customer as (

    select * from {{ ref('customer_trusted') }}

),

measured as (

    select * from {{ ref('int_balance_customer__with_readings') }}

),

excluded_device as (

    select * from {{ ref('excluded_device') }}

),

pair as (

    select * from {{ ref('int_balance_reading__joined') }}

),

trusted_accelerometer as (

    select * from {{ ref('accelerometer_trusted') }}

),

trusted_step_trainer as (

    select * from {{ ref('step_trainer_trusted') }}

),

curated_customer as (

    select * from {{ ref('customer_curated') }}

),

curated as (

    select * from {{ ref('machine_learning_curated') }}

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

accelerometer_outcome as (

    select
        accelerometer.delivered_row_count,
        case
            when email.email is null then 'no customer has this email address'
            when not email.has_consented_customer then 'no research consent'
            when not email.is_consented then 'email address shared without consent'
            when not ({{ was_consented_when_taken('accelerometer', 'email') }})
                then 'taken while there was no consent'
        end as reason
    from accelerometer
    left join email on accelerometer.clinic = email.clinic and accelerometer.email = email.email

),

step_trainer_outcome as (

    select
        step_trainer.delivered_row_count,
        case
            when excluded_device.reason is not null then excluded_device.reason
            when not ({{ was_consented_when_taken('step_trainer', 'serial_number') }})
                then 'taken while there was no consent'
        end as reason
    from step_trainer
    left join excluded_device
        on
            step_trainer.clinic = excluded_device.clinic
            and step_trainer.serial_number = excluded_device.serial_number

),

used_accelerometer as (

    select
        clinic,
        email,
        measured_at,
        bool_and(is_ambiguous) as is_ambiguous
    from pair
    group by clinic, email, measured_at

),

used_step_trainer as (

    select
        clinic,
        serial_number,
        measured_at,
        bool_and(is_ambiguous) as is_ambiguous
    from pair
    group by clinic, serial_number, measured_at

),

customer_outcome as (

    select
        case
            when has_research_consent then null
            when research_consent_at is not null then 'research consent begins in the future'
            when has_research_consent_text then 'research consent that cannot be read'
            else 'no research consent'
        end as reason
    from customer

),

trusted_customer_outcome as (

    select
        case
            when measured.customer_key is not null then null
            when not trusted_customer.is_email_consented
                then 'email address shared without consent'
            else 'no accelerometer readings'
        end as reason
    from trusted_customer
    left join measured on trusted_customer.customer_key = measured.customer_key

),

trusted_accelerometer_outcome as (

    select
        case
            when used_accelerometer.is_ambiguous then 'several customers fit at that instant'
            when used_accelerometer.is_ambiguous is null
                then 'no step reading at that instant'
        end as reason
    from trusted_accelerometer
    left join used_accelerometer
        on
            trusted_accelerometer.clinic = used_accelerometer.clinic
            and trusted_accelerometer.email = used_accelerometer.email
            and trusted_accelerometer.measured_at = used_accelerometer.measured_at

),

trusted_step_trainer_outcome as (

    select
        case
            when used_step_trainer.is_ambiguous then 'several customers fit at that instant'
            when used_step_trainer.is_ambiguous is null
                then 'no accelerometer reading at that instant'
        end as reason
    from trusted_step_trainer
    left join used_step_trainer
        on
            trusted_step_trainer.clinic = used_step_trainer.clinic
            and trusted_step_trainer.serial_number = used_step_trainer.serial_number
            and trusted_step_trainer.measured_at = used_step_trainer.measured_at

),

dropped as (

    select
        file.entity,
        'lake' as from_zone,
        'landing' as to_zone,
        'refused: not readable' as outcome,
        count(*) as row_count
    from rejected_row
    inner join file on rejected_row.raw_path = file.raw_path
    where file.measurement = 'balance' and file.entity is not null
    group by file.entity
    union all
    select
        'customer' as entity,
        'landing' as from_zone,
        'trusted' as to_zone,
        'older record of the same customer' as outcome,
        (select count(*) from record) - count(*) as row_count
    from customer
    {% for entity in ['accelerometer', 'step_trainer'] %}
        union all
        select
            '{{ entity }}' as entity,
            'landing' as from_zone,
            'trusted' as to_zone,
            'delivered again' as outcome,
            sum(delivered_row_count - 1) as row_count
        from {{ entity }}
    {% endfor %}
    {% for prefix, from_zone, to_zone in [('', 'landing', 'trusted'), ('trusted_', 'trusted', 'curated')] %}
        {% for entity in ['customer', 'accelerometer', 'step_trainer'] %}
            union all
            select
                '{{ entity }}' as entity,
                '{{ from_zone }}' as from_zone,
                '{{ to_zone }}' as to_zone,
                reason as outcome,
                count(*) as row_count
            from {{ prefix }}{{ entity }}_outcome
            where reason is not null
            group by reason
        {% endfor %}
    {% endfor %}

),

curated_accelerometer as (

    select distinct
        participant_key,
        measured_at,
        x,
        y,
        z
    from curated

),

curated_step_trainer as (

    select distinct
        participant_key,
        measured_at,
        distance_from_object_cm
    from curated

),

kept as (

    -- counted in the tables themselves, not as what was not dropped: that both add up is a check
    select
        counted_table.entity,
        counted_table.from_zone,
        counted_table.to_zone,
        counted_table.row_count
    from (
        values
        ('customer', 'lake', 'landing', (select count(*) from record)),
        ('accelerometer', 'lake', 'landing', (select sum(delivered_row_count) from accelerometer)),
        ('step_trainer', 'lake', 'landing', (select sum(delivered_row_count) from step_trainer)),
        ('customer', 'landing', 'trusted', (select count(*) from trusted_customer)),
        ('accelerometer', 'landing', 'trusted', (select count(*) from trusted_accelerometer)),
        ('step_trainer', 'landing', 'trusted', (select count(*) from trusted_step_trainer)),
        ('customer', 'trusted', 'curated', (select count(*) from curated_customer)),
        ('accelerometer', 'trusted', 'curated', (select count(*) from curated_accelerometer)),
        ('step_trainer', 'trusted', 'curated', (select count(*) from curated_step_trainer))
    ) as counted_table (entity, from_zone, to_zone, row_count)

),

final as (

    select
        entity,
        from_zone,
        to_zone,
        outcome,
        false as is_kept,
        row_count::bigint as row_count
    from dropped
    where row_count > 0
    union all
    select
        entity,
        from_zone,
        to_zone,
        'kept' as outcome,
        true as is_kept,
        coalesce(row_count, 0)::bigint as row_count
    from kept

)

select * from final
