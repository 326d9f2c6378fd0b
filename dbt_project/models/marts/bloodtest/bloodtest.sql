{{ config(materialized='view') }}

with test as (

    select * from {{ ref('int_bloodtest_test__deduplicated') }}

),

patient as (

    select * from {{ ref('patient') }}

),

final as (

    select
        -- ids
        test.test_key,
        coalesce(patient.patient_key, '{{ unknown_key() }}') as patient_key,
        coalesce(patient.doctor_key, '{{ unknown_key() }}') as doctor_key,
        test.lab_key,
        test.clinic,
        test.patient_id,
        -- time
        test.tested_at,
        -- measures
        test.systolic_mmhg,
        test.diastolic_mmhg,
        test.cholesterol_level,
        test.glucose_level,
        test.is_smoker,
        test.drinks_alcohol,
        test.is_active,
        test.has_cardiovascular_disease,
        -- plausibility
        test.implausible_reason is null as is_plausible,
        test.implausible_reason,
        -- lineage
        test.loaded_raw_path,
        test.load_id
    from test
    left join patient on test.clinic = patient.clinic and test.patient_id = patient.patient_id

)

select * from final
