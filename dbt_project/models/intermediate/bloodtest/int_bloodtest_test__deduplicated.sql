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

{% if is_incremental() %}

    known_test as (

        -- joined by time too: the few new times exclude most tests before their keys are compared
        select known.test_key
        from {{ this }} as known
        inner join first_record on known.tested_at = first_record.tested_at and known.test_key = first_record.test_key

    ),

{% endif %}

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
    from first_record
    {% if is_incremental() %}
        where test_key not in (select known_test.test_key from known_test)
    {% endif %}

)

select * from final
