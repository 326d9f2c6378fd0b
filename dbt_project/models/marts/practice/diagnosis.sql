with diagnosis as (

    select * from {{ ref('int_practice_diagnosis__deduplicated') }}

),

patient as (

    select * from {{ ref('practice_patient') }}

),

final as (

    select
        diagnosis.clinic || ':' || diagnosis.diagnosis_id as diagnosis_key,
        patient.patient_key,
        diagnosis.clinic,
        diagnosis.diagnosis_id,
        diagnosis.patient_id,
        diagnosis.icd10_code,
        diagnosis.received_at,
        diagnosis._raw_path as loaded_raw_path,
        diagnosis._row_number as loaded_row_number,
        diagnosis._load_id as load_id
    from diagnosis
    inner join patient
        on diagnosis.clinic = patient.clinic and diagnosis.patient_id = patient.patient_id
    where diagnosis.arrival_number = 1

)

select * from final
