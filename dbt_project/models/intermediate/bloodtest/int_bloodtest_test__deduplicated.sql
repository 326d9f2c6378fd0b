{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='fail') }}

with record as (

    select * from {{ ref('stg_bloodtest__log') }}
    where _load_id > {{ watermark() }}

),

first_record as (

    -- the same record in two files, or twice in one, is one test: the record that was loaded first stands for it
    select *
    from record
    qualify row_number() over (partition by test_key order by _load_id, _raw_path, _row_number) = 1

),

new_test as (

    select *
    from first_record
    {% if is_incremental() %}
        -- the time is compared too, since a comparison of the keys alone would read the keys of all tests
        where (tested_at, test_key) not in (select (known.tested_at, known.test_key) from {{ this }} as known)
    {% endif %}

),

final as (

    select
        test_key,
        lab_key,
        clinic,
        patient_id,
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
        _load_id as load_id,
        {{ seen_load_id() }} as seen_load_id,
        {{ rule_hash() }} as rule_hash
    from new_test

)

select * from final
