with test as (

    select * from {{ ref('bloodtest') }}

),

latest_test as (

    -- recent is what lies within a year of the clinic's latest test: the list depends on the tests, not on today
    select
        clinic,
        max(tested_at) as tested_at
    from test
    group by clinic

),

total as (

    select
        clinic,
        patient_id,
        sum(cholesterol_level)::bigint as total_cholesterol_level
    from test
    group by clinic, patient_id

),

recent as (

    select
        test.*,
        row_number() over (
            partition by test.clinic, test.patient_id
            order by test.tested_at desc, test.test_key desc
        ) = 1 as is_latest
    from test
    inner join latest_test on test.clinic = latest_test.clinic
    where
        test.is_plausible
        and test.tested_at > latest_test.tested_at - interval 365 day

),

summarised as (

    select
        clinic,
        patient_id,
        min(patient_key) as patient_key,
        min(doctor_key) as doctor_key,
        count(*) as recent_test_count,
        max(tested_at) as latest_test_at,
        max(systolic_mmhg) filter (where is_latest) as latest_systolic_mmhg,
        max(diastolic_mmhg) filter (where is_latest) as latest_diastolic_mmhg,
        max(cholesterol_level) filter (where is_latest) as latest_cholesterol_level,
        max(glucose_level) filter (where is_latest) as latest_glucose_level,
        count(*) filter (where systolic_mmhg >= 140 or diastolic_mmhg >= 90) as raised_pressure_count
    from recent
    group by clinic, patient_id

),

judged as (

    select
        *,
        coalesce(latest_systolic_mmhg >= 180 or latest_diastolic_mmhg >= 110, false) as has_severe_pressure,
        raised_pressure_count >= 2 as has_repeatedly_raised_pressure,
        coalesce(latest_cholesterol_level = 3, false) as has_high_cholesterol,
        coalesce(latest_glucose_level = 3, false) as has_high_glucose
    from summarised

),

watched as (

    select
        -- ids
        judged.clinic,
        judged.patient_id,
        judged.patient_key,
        judged.doctor_key,
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
        total.total_cholesterol_level,
        coalesce(total.total_cholesterol_level > 10, false) as has_total_cholesterol_above_10
    from judged
    inner join total on judged.clinic = total.clinic and judged.patient_id = total.patient_id
    where
        judged.has_severe_pressure
        or judged.has_repeatedly_raised_pressure
        or judged.has_high_cholesterol
        or judged.has_high_glucose

)

select * from watched
