{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['clinic', 'diagnosis_id'],
        on_schema_change='fail',
    )
}}

with diagnosis as (

    select * from {{ ref('stg_practice__diagnosis') }}

),

{% if is_incremental() %}

    new_id as (

        select distinct
            clinic,
            diagnosis_id
        from diagnosis
        where _load_id > {{ watermark() }}

    ),

{% endif %}

considered as (

    select diagnosis.*
    from diagnosis
    {% if is_incremental() %}
        semi join new_id on diagnosis.clinic = new_id.clinic and diagnosis.diagnosis_id = new_id.diagnosis_id
    {% endif %}

),

final as (

    -- an office sends an id again: the first arrival stands, whatever was loaded first
    select
        clinic,
        diagnosis_id,
        patient_id,
        icd10_code,
        received_at,
        _raw_path,
        _row_number,
        _load_id,
        {{ time_bucket_minutes('received_at', 10) }} as window_start_at,
        cast(row_number() over arrival as integer) as arrival_number,
        (patient_id, icd10_code) = (
            first_value(patient_id) over arrival,
            first_value(icd10_code) over arrival
        ) as is_first_content,
        first_value(_load_id) over arrival as first_load_id,
        {{ seen_load_id() }} as seen_load_id,
        {{ rule_hash() }} as rule_hash
    from considered
    window
        arrival as (
            partition by clinic, diagnosis_id
            order by
                received_at,
                {{ file_name('_raw_path') }},
                _row_number,
                patient_id,
                icd10_code,
                _raw_path
        )

)

select * from final
