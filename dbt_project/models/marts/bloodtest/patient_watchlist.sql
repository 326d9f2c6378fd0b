{{ config(materialized='view') }}

with tested as (

    select * from {{ ref('patient_test_summary') }}
    where recent_test_count > 0

),

patient as (

    select * from {{ ref('patient') }}

),

judged as (

    select
        clinic,
        patient_id,
        recent_test_count,
        latest_test_at,
        latest_systolic_mmhg,
        latest_diastolic_mmhg,
        latest_cholesterol_level,
        latest_glucose_level,
        raised_pressure_count,
        coalesce(latest_systolic_mmhg >= 180 or latest_diastolic_mmhg >= 110, false) as has_severe_pressure,
        raised_pressure_count >= 2 as has_repeatedly_raised_pressure,
        coalesce(latest_cholesterol_level = 3, false) as has_high_cholesterol,
        coalesce(latest_glucose_level = 3, false) as has_high_glucose,
        total_cholesterol_level,
        coalesce(total_cholesterol_level > 10, false) as has_total_cholesterol_above_10
    from tested

),

watched as (

    select
        -- ids
        judged.clinic,
        judged.patient_id,
        coalesce(patient.patient_key, '{{ unknown_key() }}') as patient_key,
        coalesce(patient.doctor_key, '{{ unknown_key() }}') as doctor_key,
        -- the recent tests
        judged.recent_test_count,
        judged.latest_test_at,
        judged.latest_systolic_mmhg,
        judged.latest_diastolic_mmhg,
        judged.latest_cholesterol_level,
        judged.latest_glucose_level,
        judged.raised_pressure_count,
        -- why
        judged.has_severe_pressure,
        judged.has_repeatedly_raised_pressure,
        judged.has_high_cholesterol,
        judged.has_high_glucose,
        -- the rule of the system before this one
        judged.total_cholesterol_level,
        judged.has_total_cholesterol_above_10
    from judged
    left join patient on judged.clinic = patient.clinic and judged.patient_id = patient.patient_id
    where
        judged.has_severe_pressure
        or judged.has_repeatedly_raised_pressure
        or judged.has_high_cholesterol
        or judged.has_high_glucose

)

select * from watched
