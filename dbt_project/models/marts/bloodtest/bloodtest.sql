{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        pre_hook="{{ update_patients_of_tests() }}",
        post_hook="{{ delete_replaced_rows('loaded_raw_path', 'load_id') }}",
    )
}}

{% set log = ref('stg_bloodtest__log') %}
{% set has_replaced = is_incremental() and has_replaced_files('loaded_raw_path', 'load_id') %}

-- Large tables are named where they are read: the engine would keep the whole of a CTE that is read twice.
with patient as (

    select * from {{ ref('patient') }}

),

loaded_file as (

    select * from {{ ref('stg_catalog__loaded_file') }}

),

{% if is_incremental() %}

    watermark as (

        select coalesce(max(present.load_id), 0) as load_id
        from {{ this }} as present

    ),

    replaced as (

        -- tests of files that were loaded anew, or are not loaded any more: other files may hold them too
        select
            present.test_key,
            present.tested_at
        from {{ this }} as present
        where {{ is_of_replaced_file('loaded_raw_path', 'load_id') if has_replaced else 'false' }}

    ),

    arrived as (

        select log.*
        from {{ log }} as log
        where log._load_id > (select watermark.load_id from watermark)

        union all

        select log.*
        from {{ log }} as log
        inner join replaced on log.tested_at = replaced.tested_at and log.test_key = replaced.test_key
        where log._load_id <= (select watermark.load_id from watermark)

    ),

{% else %}

    arrived as (

        select * from {{ log }}

    ),

{% endif %}

distinct_test as (

    -- the same record in two files, or twice in one, is one test: the first that was loaded stands for it
    select arrived.*
    from arrived
    inner join loaded_file on arrived._load_id = loaded_file.load_id and arrived._raw_path = loaded_file.raw_path
    qualify row_number() over (
        partition by arrived.test_key
        order by arrived._load_id asc, arrived._raw_path asc, arrived._row_number asc
    ) = 1

),

{% if is_incremental() %}

    new_time as (

        select
            min(tested_at) as first_tested_at,
            max(tested_at) as last_tested_at
        from distinct_test

    ),

    already_there as (

        -- only among tests of the same time, since to compare the keys of all is slow
        select present.test_key
        from {{ this }} as present
        inner join distinct_test
            on present.tested_at = distinct_test.tested_at and present.test_key = distinct_test.test_key
        where
            present.tested_at >= (select new_time.first_tested_at from new_time)
            and present.tested_at <= (select new_time.last_tested_at from new_time)

    ),

    new_test as (

        select distinct_test.*
        from distinct_test
        where
            distinct_test.test_key not in (select already_there.test_key from already_there)
            or distinct_test.test_key in (select replaced.test_key from replaced)

    ),

{% else %}

    new_test as (

        select * from distinct_test

    ),

{% endif %}

decoded as (

    select
        test_key,
        clinic,
        patient_id,
        lab_key,
        tested_at,
        systolic_mmhg,
        diastolic_mmhg,
        cholesterol_level,
        glucose_level,
        {{ answer('smoke') }} as is_smoker,
        {{ answer('alco') }} as drinks_alcohol,
        {{ answer('active') }} as is_active,
        {{ answer('cardio') }} as has_cardiovascular_disease,
        {{ implausible_test_reason() }} as implausible_reason,
        _raw_path as loaded_raw_path,
        _load_id as load_id
    from new_test

),

described as (

    select
        -- ids
        decoded.test_key,
        coalesce(patient.patient_key, '{{ unknown_key() }}') as patient_key,
        coalesce(patient.doctor_key, '{{ unknown_key() }}') as doctor_key,
        decoded.lab_key,
        decoded.clinic,
        decoded.patient_id,
        -- when
        decoded.tested_at,
        -- measures
        decoded.systolic_mmhg,
        decoded.diastolic_mmhg,
        decoded.cholesterol_level,
        decoded.glucose_level,
        decoded.is_smoker,
        decoded.drinks_alcohol,
        decoded.is_active,
        decoded.has_cardiovascular_disease,
        -- judgement
        decoded.implausible_reason is null as is_plausible,
        decoded.implausible_reason,
        -- lineage
        decoded.loaded_raw_path,
        decoded.load_id
    from decoded
    left join patient on decoded.clinic = patient.clinic and decoded.patient_id = patient.patient_id

)

select * from described
