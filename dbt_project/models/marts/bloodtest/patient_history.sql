{{ config(materialized='view') }}

with version as (

    select * from {{ ref('int_bloodtest_patient__scd2') }}

),

final as (

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
    from version

)

select * from final
