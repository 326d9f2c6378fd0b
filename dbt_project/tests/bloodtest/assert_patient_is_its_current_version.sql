-- A returned row is a patient without a current version in the history, or a current version without its patient.
{{ config(meta={'dagster': {'ref': {'name': 'patient_history'}}}) }}

with patient as (

    select * from {{ ref('patient') }}
    where patient_key != '{{ unknown_key() }}'

),

version as (

    select * from {{ ref('patient_history') }}
    where is_current

),

compared as (

    select
        patient.patient_key,
        version.patient_key as version_patient_key
    from patient
    full outer join version
        on
            patient.patient_key = version.patient_key
            and patient.valid_from_delivery = version.valid_from_delivery
            and patient.version_count = version.version_number
    where patient.patient_key is null or version.patient_key is null

)

select * from compared
