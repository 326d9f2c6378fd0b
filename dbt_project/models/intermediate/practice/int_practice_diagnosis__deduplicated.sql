{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='diagnosis_id') }}
{% set seen_before = watermark() %}

with diagnosis as (

    select * from {{ ref('stg_practice__diagnosis') }}
    {% if seen_before %}
        where diagnosis_id in (
            select arrived.diagnosis_id
            from {{ ref('stg_practice__diagnosis') }} as arrived
            where arrived._load_id > {{ seen_before }}
        )
    {% endif %}

),

final as (

    -- an office may send an id again: the first arrival counts, in whatever order they were loaded
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
    from diagnosis
    window
        arrival as (
            partition by clinic, diagnosis_id
            order by received_at, {{ file_name('_raw_path') }}, _row_number, patient_id, icd10_code, _raw_path
        )

)

select * from final
