with event as (

    select * from {{ ref('int_practice_claim__deduplicated') }}

),

office_patient as (

    select * from {{ ref('office_patient') }}

),

described as (

    select
        event.clinic || ':' || event.claim_id as claim_key,
        office_patient.patient_key,
        event.clinic,
        event.claim_id,
        event.patient_id,
        event.claim_code,
        event.price_eur,
        event.received_at,
        event._raw_path as loaded_raw_path,
        event._row_number as loaded_row_number,
        event._load_id as load_id
    from event
    inner join office_patient
        on event.clinic = office_patient.clinic and event.patient_id = office_patient.patient_id
    where event.arrival_number = 1

)

select * from described
