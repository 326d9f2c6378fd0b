{% snapshot patient_history_snapshot %}
{% set described = [
    'patient_key', 'version_number', 'valid_from_delivery', 'valid_to_delivery', 'is_current', 'first_delivery', 'clinic',
    'patient_id', 'doctor_key', 'age_years', 'sex', 'height_cm', 'weight_kg', 'first_name', 'last_name', 'address',
    'practice_name', 'noted_load_id',
] %}
{% set delivered, versioned = ref('int_bloodtest_patient__records'), ref('int_bloodtest_patient__scd2') %}
{% set is_begun = relation_exists(this) %}

-- What the snapshot has not seen: comparing every version of every patient would cost more with each patient.
{% if is_begun %}

    with watermark as (

        select coalesce(max(noted_load_id), 0) as noted_load_id
        from {{ this }}

    ),

    affected as (

        select delivered.patient_key
        from {{ delivered }} as delivered
        where delivered.noted_load_id > (select watermark.noted_load_id from watermark)

        union

        select version.patient_key
        from {{ versioned }} as version
        where version.noted_load_id > (select watermark.noted_load_id from watermark)

    ),

    withdrawn as (

        -- versions that another order of deliveries would never have shown
        select {{ columns_of('known', described) }}
        from {{ this }} as known
        inner join affected on known.patient_key = affected.patient_key
        left join {{ versioned }} as version
            on known.patient_key = version.patient_key and known.valid_from_delivery = version.valid_from_delivery
        where known.dbt_valid_to is null and not known.is_withdrawn and version.patient_key is null

    )

    select
        {{ columns_of('version', described) }},
        false as is_withdrawn
    from {{ versioned }} as version
    inner join affected on version.patient_key = affected.patient_key

    union all

    select
        *,
        true as is_withdrawn
    from withdrawn

{% else %}

    select
        {{ columns_of('version', described) }},
        false as is_withdrawn
    from {{ versioned }} as version

{% endif %}
{% endsnapshot %}
