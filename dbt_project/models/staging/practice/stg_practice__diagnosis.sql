with source as (

    select * from {{ source('raw', 'practice_diagnosis') }}

),

final as (

    select
        -- ids mean something within a clinic only
        clinic,
        id as diagnosis_id,
        patient_id,
        -- attributes
        upper(icd10_code) as icd10_code,
        -- times
        received_at,
        -- lineage
        _raw_path,
        _row_number,
        _load_id
    from source

)

select * from final
