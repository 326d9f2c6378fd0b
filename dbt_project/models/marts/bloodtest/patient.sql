{{ config(materialized='view') }}

with current_version as (

    select * from {{ ref('int_bloodtest_patient__scd2') }}
    where is_current

),

unknown_member as (

    select '{{ unknown_key() }}' as patient_key

),

final as (

    -- nothing matches: the unknown member, of whom nothing is known, is a row beside the patients
    select
        coalesce(current_version.patient_key, unknown_member.patient_key) as patient_key,
        current_version.clinic,
        current_version.patient_id,
        coalesce(current_version.doctor_key, '{{ unknown_key() }}') as doctor_key,
        current_version.practice_name,
        current_version.first_name,
        current_version.last_name,
        current_version.address,
        current_version.age_years,
        current_version.sex,
        current_version.height_cm,
        current_version.weight_kg,
        {{ implausible_patient_reason() }} is null as is_plausible,
        {{ implausible_patient_reason() }} as implausible_reason,
        coalesce(current_version.version_number, 0) as version_count,
        current_version.first_delivery,
        current_version.valid_from_delivery
    from current_version
    full outer join unknown_member on current_version.patient_key = unknown_member.patient_key

)

select * from final
