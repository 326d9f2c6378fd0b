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

-- Looks at patients with new tests, and at those of whose tests one ceased to be recent: the others are as they were.
-- The tests are named where they are read: the engine would keep the whole of a CTE that is read twice.
with clinic as (

    -- recent is what lies within a year of the clinic's latest test: the list depends on the tests, not on today
    select
        clinic,
        max(tested_at) as last_tested_at,
        max(tested_at) - interval 365 day as recent_from_at
    from {{ test }}
    group by clinic

),

{% if is_incremental() %}

    present as (

        select * from {{ this }}

    ),

    watermark as (

        select coalesce(max(last_load_id), 0) as load_id
        from present

    ),

    present_clinic as (

        select
            clinic,
            max(last_tested_at) - interval 365 day as recent_from_at
        from present
        group by clinic

    ),

    moved as (

        select
            clinic.clinic,
            least(clinic.recent_from_at, present_clinic.recent_from_at) as after_at,
            greatest(clinic.recent_from_at, present_clinic.recent_from_at) as until_at
        from clinic
        inner join present_clinic on clinic.clinic = present_clinic.clinic
        where clinic.recent_from_at != present_clinic.recent_from_at

    ),

    noted as (

        select
            test.clinic,
            test.patient_id
        from {{ test }} as test
        where test.load_id > (select watermark.load_id from watermark)

        union

        select
            test.clinic,
            test.patient_id
        from {{ test }} as test
        inner join moved
            on test.clinic = moved.clinic and test.tested_at > moved.after_at and test.tested_at <= moved.until_at

    ),

    lost as (

        -- A file that was loaded anew may have lost tests, and nothing else says whose: the numbers of tests do. Of who
        -- has no new test, tests can only go.
        select 1 as is_lost
        where
            (select count(*) from {{ test }}) != (
                select count(*) from {{ test }} as test
                inner join noted on test.clinic = noted.clinic and test.patient_id = noted.patient_id
            ) + (
                select coalesce(sum(present.test_count), 0) from present
                left join noted on present.clinic = noted.clinic and present.patient_id = noted.patient_id
                where noted.patient_id is null
            )

    ),

    affected as (

        select * from noted

        union

        select
            test.clinic,
            test.patient_id
        from {{ test }} as test
        cross join lost

    ),

{% endif %}

considered as (

    select
        test.*,
        test.is_plausible and test.tested_at > clinic.recent_from_at as is_recent
    from {{ test }} as test
    inner join clinic on test.clinic = clinic.clinic
    {% if is_incremental() %}
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
        max({{ named_record_of(latest) }}) filter (where is_recent) as latest_test,
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
