{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='test_key',
        on_schema_change='fail',
        post_hook="{{ delete_replaced_rows('loaded_raw_path', 'load_id') }}",
    )
}}

with log as (

    select * from {{ ref('stg_bloodtest__log') }}

),

patient as (

    select * from {{ ref('patient') }}

),

{% if is_incremental() %}

    present as (

        select * from {{ this }}

    ),

    watermark as (

        select coalesce(max(load_id), 0) as load_id
        from present

    ),

    replaced as (

        -- tests whose file was loaded anew, or is not loaded any more: other files may hold them too
        select present.test_key
        from present
        where not {{ is_of_loaded_file('present.loaded_raw_path', 'present.load_id') }}

    ),

    arrived as (

        select log.*
        from log
        where log._load_id > (select watermark.load_id from watermark)

        union all

        select log.*
        from log
        inner join replaced on log.test_key = replaced.test_key

    ),

    stale as (

        -- tests whose patient came, went, or was given another doctor since
        select
            present.test_key,
            present.clinic,
            present.patient_id,
            present.lab_key,
            present.tested_at,
            present.systolic_mmhg,
            present.diastolic_mmhg,
            present.cholesterol_level,
            present.glucose_level,
            present.is_smoker,
            present.drinks_alcohol,
            present.is_active,
            present.has_cardiovascular_disease,
            present.implausible_reason,
            present.loaded_raw_path,
            present.load_id
        from present
        left join patient on present.clinic = patient.clinic and present.patient_id = patient.patient_id
        where
            (
                present.patient_key != coalesce(patient.patient_key, '{{ unknown_key() }}')
                or present.doctor_key != coalesce(patient.doctor_key, '{{ unknown_key() }}')
            )
            and {{ is_of_loaded_file('present.loaded_raw_path', 'present.load_id') }}

    ),

{% else %}

    arrived as (

        select * from log

    ),

{% endif %}

distinct_test as (

    -- the same record in two files, or twice in one, is one test
    select *
    from arrived
    qualify row_number() over (
        partition by test_key
        order by _load_id desc, _raw_path asc, _row_number asc
    ) = 1

),

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
    from distinct_test

),

to_write as (

    select * from decoded

    {% if is_incremental() %}

        union all

        select stale.*
        from stale
        left join decoded on stale.test_key = decoded.test_key
        where decoded.test_key is null

    {% endif %}

),

described as (

    select
        -- ids
        to_write.test_key,
        coalesce(patient.patient_key, '{{ unknown_key() }}') as patient_key,
        coalesce(patient.doctor_key, '{{ unknown_key() }}') as doctor_key,
        to_write.lab_key,
        to_write.clinic,
        to_write.patient_id,
        -- when
        to_write.tested_at,
        -- measures
        to_write.systolic_mmhg,
        to_write.diastolic_mmhg,
        to_write.cholesterol_level,
        to_write.glucose_level,
        to_write.is_smoker,
        to_write.drinks_alcohol,
        to_write.is_active,
        to_write.has_cardiovascular_disease,
        -- judgement
        to_write.implausible_reason is null as is_plausible,
        to_write.implausible_reason,
        -- lineage
        to_write.loaded_raw_path,
        to_write.load_id
    from to_write
    left join patient on to_write.clinic = patient.clinic and to_write.patient_id = patient.patient_id

)

select * from described
