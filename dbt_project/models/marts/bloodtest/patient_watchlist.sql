{{ config(materialized='view') }}

with summary as (

    select * from {{ ref('patient_test_summary') }}
    where recent_test_count > 0

),

patient as (

    select * from {{ ref('patient') }}

),

flagged as (

    select
        *,
        coalesce(latest_systolic_mmhg >= 180 or latest_diastolic_mmhg >= 110, false) as has_severe_pressure,
        raised_pressure_count >= 2 as has_repeatedly_raised_pressure,
        coalesce(latest_cholesterol_level = 3, false) as has_high_cholesterol,
        coalesce(latest_glucose_level = 3, false) as has_high_glucose,
        coalesce(total_cholesterol_level > 10, false) as has_total_cholesterol_above_10
    from summary

),

final as (

    select
        -- ids
        flagged.clinic,
        flagged.patient_id,
        coalesce(patient.patient_key, '{{ unknown_key() }}') as patient_key,
        coalesce(patient.doctor_key, '{{ unknown_key() }}') as doctor_key,
        -- recent tests
        flagged.recent_test_count,
        flagged.latest_test_at,
        flagged.latest_systolic_mmhg,
        flagged.latest_diastolic_mmhg,
        flagged.latest_cholesterol_level,
        flagged.latest_glucose_level,
        flagged.raised_pressure_count,
        -- reasons
        flagged.has_severe_pressure,
        flagged.has_repeatedly_raised_pressure,
        flagged.has_high_cholesterol,
        flagged.has_high_glucose,
        -- the rule of the system before this one
        flagged.total_cholesterol_level,
        flagged.has_total_cholesterol_above_10
    from flagged
    left join patient on flagged.clinic = patient.clinic and flagged.patient_id = patient.patient_id
    where
        flagged.has_severe_pressure
        or flagged.has_repeatedly_raised_pressure
        or flagged.has_high_cholesterol
        or flagged.has_high_glucose

)

select * from final
