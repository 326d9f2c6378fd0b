with diagnosis as (

    select * from {{ ref('int_practice_diagnosis__deduplicated') }}

),

patient as (

    select * from {{ ref('int_practice_patient__deduplicated') }}

),

revenue_category as (

    select * from {{ ref('revenue_category') }}

),

first_diagnosis as (

    select
        diagnosis.clinic,
        diagnosis.patient_id,
        revenue_category.category,
        min(diagnosis.received_at) as effective_from_at
    from diagnosis
    inner join revenue_category on diagnosis.icd10_code = upper(revenue_category.icd10_code)
    where diagnosis.arrival_number = 1
    group by diagnosis.clinic, diagnosis.patient_id, revenue_category.category

),

final as (

    -- claims of a patient whom the office has not named count in no category
    select first_diagnosis.*
    from first_diagnosis
    inner join patient
        on first_diagnosis.clinic = patient.clinic and first_diagnosis.patient_id = patient.patient_id
    where patient.arrival_number = 1

)

select * from final
