with snapshot as (

    select * from {{ ref('patient_history_snapshot') }}

),

known_now as (

    select
        patient_key,
        version_number,
        valid_from_delivery,
        valid_to_delivery,
        is_current,
        clinic,
        patient_id,
        doctor_key,
        practice_name,
        first_name,
        last_name,
        address,
        age_years,
        sex,
        height_cm,
        weight_kg
    from snapshot
    where dbt_valid_to is null

)

select * from known_now
