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

with step_trainer as (

    select * from {{ ref('stg_balance__step_trainer') }}

),

excluded_device as (

    select * from {{ ref('excluded_device') }}

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
        count(*) as row_count
    from {{ ref('stg_catalog__rejected_row') }} as rejected_row
    inner join {{ ref('stg_catalog__file') }} as file on rejected_row.raw_path = file.raw_path
    where file.measurement = 'balance' and file.entity is not null
    group by file.entity
    union all
    select
        'step_trainer' as entity,
        'landing' as from_zone,
        'delivered again' as outcome,
        sum(delivered_row_count - 1) as row_count
    from step_trainer
    union all
    select
        'step_trainer' as entity,
        'landing' as from_zone,
        coalesce(excluded_device.reason, 'taken while there was no consent') as outcome,
        count(*) as row_count
    from step_trainer
    left join excluded_device
        on step_trainer.clinic = excluded_device.clinic and step_trainer.serial_number = excluded_device.serial_number
    where
        excluded_device.reason is not null
        or not ({{ was_consented_when_taken('step_trainer', 'serial_number') }})
    group by excluded_device.reason
    union all
    select
        entity,
        'landing' as from_zone,
        outcome,
        row_count
    from {{ ref('int_balance_landing__dropped') }}
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
        row_count::bigint as row_count
    from outcome
    where outcome = 'kept' or row_count > 0

)

select * from final
