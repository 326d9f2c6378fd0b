with test as (

    select * from {{ ref('int_bloodtest_test__deduplicated') }}

),

clinic as (

    -- recent is within a year before the clinic's latest test: the summary depends on the tests, not on today
    select
        clinic,
        max(tested_at) - interval 365 day as recent_from_at
    from test
    group by clinic

),

flagged as (

    select
        test.*,
        test.implausible_reason is null and test.tested_at > clinic.recent_from_at as is_recent
    from test
    inner join clinic on test.clinic = clinic.clinic

),

summarised as (

    select
        clinic,
        patient_id,
        count(*) as test_count,
        cast(sum(cholesterol_level) as bigint) as total_cholesterol_level,
        max(tested_at) as last_tested_at,
        count(*) filter (where is_recent) as recent_test_count,
        count(*) filter (where is_recent and (systolic_mmhg >= 140 or diastolic_mmhg >= 90)) as raised_pressure_count
    from flagged
    group by clinic, patient_id

),

latest_test as (

    -- of several tests at one time the one with the higher values counts as the latest
    select *
    from flagged
    where is_recent
    qualify row_number() over (
        partition by clinic, patient_id
        order by tested_at desc, systolic_mmhg desc, diastolic_mmhg desc, cholesterol_level desc, glucose_level desc
    ) = 1

),

final as (

    select
        summarised.*,
        latest_test.tested_at as latest_test_at,
        latest_test.systolic_mmhg as latest_systolic_mmhg,
        latest_test.diastolic_mmhg as latest_diastolic_mmhg,
        latest_test.cholesterol_level as latest_cholesterol_level,
        latest_test.glucose_level as latest_glucose_level
    from summarised
    left join latest_test
        on summarised.clinic = latest_test.clinic and summarised.patient_id = latest_test.patient_id

)

select * from final
