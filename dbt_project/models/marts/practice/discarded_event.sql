with known_patient as (

    select * from {{ ref('practice_patient') }}

),

claim as (

    select * from {{ ref('int_practice_claim__deduplicated') }}

),

diagnosis as (

    select * from {{ ref('int_practice_diagnosis__deduplicated') }}

),

patient as (

    select * from {{ ref('int_practice_patient__deduplicated') }}

),

event as (

    select
        'claim' as event_kind,
        claim_id as event_id,
        clinic,
        patient_id,
        received_at,
        arrival_number,
        is_first_content,
        _raw_path,
        _row_number,
        _load_id
    from claim

    union all

    select
        'diagnosis' as event_kind,
        diagnosis_id as event_id,
        clinic,
        patient_id,
        received_at,
        arrival_number,
        is_first_content,
        _raw_path,
        _row_number,
        _load_id
    from diagnosis

    union all

    select
        'patient' as event_kind,
        patient_id as event_id,
        clinic,
        patient_id,
        null as received_at,
        arrival_number,
        is_first_content,
        _raw_path,
        _row_number,
        _load_id
    from patient

),

final as (

    select
        event.event_kind,
        event.clinic,
        event.event_id,
        event.patient_id,
        event.received_at,
        case
            when event.arrival_number = 1 then 'unknown patient'
            when event.is_first_content then 'repeated'
            else 'repeated with other content'
        end as reason,
        event._raw_path as loaded_raw_path,
        event._row_number as loaded_row_number,
        event._load_id as load_id
    from event
    left join known_patient
        on event.clinic = known_patient.clinic and event.patient_id = known_patient.patient_id
    where event.arrival_number > 1 or known_patient.clinic is null

)

select * from final
