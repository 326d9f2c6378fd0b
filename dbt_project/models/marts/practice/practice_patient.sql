with patient as (

    select * from {{ ref('int_practice_patient__deduplicated') }}

),

final as (

    select
        clinic || ':' || patient_id as patient_key,
        clinic,
        patient_id,
        phone_number,
        first_name,
        last_name,
        first_delivery as delivery,
        _raw_path as loaded_raw_path,
        _load_id as load_id
    from patient
    where arrival_number = 1

)

select * from final
