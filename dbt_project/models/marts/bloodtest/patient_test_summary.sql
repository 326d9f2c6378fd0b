{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['clinic', 'patient_id'],
        on_schema_change='fail',
        post_hook="{{ delete_untested_patients() }}",
    )
}}

{% set test = ref('bloodtest') %}
{% set latest = ['tested_at', 'systolic_mmhg', 'diastolic_mmhg', 'cholesterol_level', 'glucose_level'] %}

{% set is_grown = is_incremental() and not has_lost_tests(test) %}

-- Looks at patients with new tests, and at those of whose tests one ceased to be recent: the others are as they were.
-- The tests are named where they are read: the engine would keep the whole of a CTE that is read twice.
{% if is_grown %}

    with watermark as (

        select coalesce(max(present.last_load_id), 0) as load_id
        from {{ this }} as present

    ),

    new_test as (

        select
            test.clinic,
            test.patient_id,
            test.tested_at
        from {{ test }} as test
        where test.load_id > (select watermark.load_id from watermark)

    ),

    last_test as (

        select
            clinic,
            tested_at,
            true as is_new
        from new_test

        union all

        select
            present.clinic,
            present.last_tested_at as tested_at,
            false as is_new
        from {{ this }} as present

    ),

    clinic as (

        -- recent is what lies within a year of the clinic's latest test: the list depends on the tests, not on today
        select
            clinic,
            max(tested_at) - interval 365 day as recent_from_at,
            max(case when not is_new then tested_at end) - interval 365 day as present_recent_from_at
        from last_test
        group by clinic

    ),

    affected as (

        select
            clinic,
            patient_id
        from new_test

        union

        select
            test.clinic,
            test.patient_id
        from {{ test }} as test
        inner join clinic
            on
                test.clinic = clinic.clinic
                and test.tested_at > clinic.present_recent_from_at
                and test.tested_at <= clinic.recent_from_at

    ),

{% else %}

    with clinic as (

        select
            clinic,
            max(tested_at) - interval 365 day as recent_from_at
        from {{ test }}
        group by clinic

    ),

{% endif %}

considered as (

    select
        test.*,
        test.is_plausible and test.tested_at > clinic.recent_from_at as is_recent
    from {{ test }} as test
    inner join clinic on test.clinic = clinic.clinic
    {% if is_grown %}
        inner join affected on test.clinic = affected.clinic and test.patient_id = affected.patient_id
    {% endif %}

),

summarised as (

    -- of several tests at one time the one with the higher values counts as the latest
    select
        clinic,
        patient_id,
        count(*) as test_count,
        sum(cholesterol_level)::bigint as total_cholesterol_level,
        max(tested_at) as last_tested_at,
        count(*) filter (where is_recent) as recent_test_count,
        count(*) filter (where is_recent and (systolic_mmhg >= 140 or diastolic_mmhg >= 90)) as raised_pressure_count,
        max({{ struct_value(latest) }}) filter (where is_recent) as latest_test,
        max(load_id) as last_load_id
    from considered
    group by clinic, patient_id

),

flattened as (

    select
        clinic,
        patient_id,
        test_count,
        total_cholesterol_level,
        last_tested_at,
        recent_test_count,
        latest_test['tested_at'] as latest_test_at,
        latest_test['systolic_mmhg'] as latest_systolic_mmhg,
        latest_test['diastolic_mmhg'] as latest_diastolic_mmhg,
        latest_test['cholesterol_level'] as latest_cholesterol_level,
        latest_test['glucose_level'] as latest_glucose_level,
        raised_pressure_count,
        last_load_id
    from summarised

)

select * from flattened
