with claim as (

    select * from {{ ref('int_practice_claim__deduplicated') }}

),

patient as (

    select * from {{ ref('practice_patient') }}

),

final as (

    select
        claim.clinic || ':' || claim.claim_id as claim_key,
        patient.patient_key,
        claim.clinic,
        claim.claim_id,
        claim.patient_id,
        claim.claim_code,
        claim.price_eur,
        claim.received_at,
        claim._raw_path as loaded_raw_path,
        claim._row_number as loaded_row_number,
        claim._load_id as load_id
    from claim
    inner join patient
        on claim.clinic = patient.clinic and claim.patient_id = patient.patient_id
    where claim.arrival_number = 1

)

select * from final
