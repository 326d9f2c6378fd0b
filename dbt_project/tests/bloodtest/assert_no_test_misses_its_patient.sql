-- A returned row is a test with another patient or doctor than the table of patients has for it: a patient who came was
-- not given to it, or one who is gone was not taken from it.
{{ config(meta={'dagster': {'ref': {'name': 'bloodtest'}}}) }}

with test as (

    select * from {{ ref('bloodtest') }}

),

patient as (

    select * from {{ ref('patient') }}

),

compared as (

    select
        test.test_key,
        test.patient_key,
        test.doctor_key,
        coalesce(patient.patient_key, '{{ unknown_key() }}') as expected_patient_key,
        coalesce(patient.doctor_key, '{{ unknown_key() }}') as expected_doctor_key
    from test
    left join patient on test.clinic = patient.clinic and test.patient_id = patient.patient_id

)

select *
from compared
where patient_key != expected_patient_key or doctor_key != expected_doctor_key
