-- A returned row is a doctor who is delivered under several names; the clinic should say which one is right.
{{ config(severity='warn') }}

select
    doctor_key,
    name_variant_count
from {{ ref('doctor') }}
where name_variant_count > 1
