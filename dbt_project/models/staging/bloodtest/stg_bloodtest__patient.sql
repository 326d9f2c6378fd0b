with source as (

    select * from {{ source('raw', 'bloodtest_patient') }}

),

final as (

    select
        -- ids
        {{ member_key('clinic', 'id') }} as patient_key,
        {{ member_key('clinic', 'doc_id') }} as doctor_key,
        clinic,
        id as patient_id,
        doc_id as doctor_id,
        -- attributes
        age as age_years,
        case sex when 1 then 'female' when 2 then 'male' end as sex,
        height as height_cm,
        weight as weight_kg,
        first_name,
        last_name,
        address,
        practice as practice_name,
        doc_name as doctor_name,
        -- lineage
        _raw_path,
        _row_number,
        _load_id
    from source

)

select * from final
