-- A returned row is a patient whose age, height or weight is implausible; the record counts, and is flagged.
{{ config(severity='warn') }}

select
    patient_key,
    implausible_reason
from {{ ref('patient') }}
where not is_plausible
