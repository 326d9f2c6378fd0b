-- A returned row is a patient who has tests and no record: the clinic should deliver the record.
{{ config(severity='warn') }}

select
    clinic,
    patient_id,
    count(*) as test_count
from {{ ref('bloodtest') }}
where patient_key = '{{ unknown_key() }}'
group by clinic, patient_id
