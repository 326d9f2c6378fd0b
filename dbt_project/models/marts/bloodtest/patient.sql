{{ config(materialized='view') }}

with patient as (

    select * from {{ ref('int_bloodtest_patient__scd2') }}
    where is_current

),

described as (

    select
        patient_key,
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
        weight_kg,
        {{ implausible_patient_reason() }} as implausible_reason,
        version_number as version_count,
        first_delivery,
        valid_from_delivery
    from patient

),

with_unknown_member as (

    select
        *,
        implausible_reason is null as is_plausible
    from described

    union all by name

    select
        '{{ unknown_key() }}' as patient_key,
        '{{ unknown_key() }}' as doctor_key,
        0 as version_count,
        true as is_plausible

)

select
    patient_key,
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
    weight_kg,
    is_plausible,
    implausible_reason,
    version_count,
    first_delivery,
    valid_from_delivery
from with_unknown_member
