-- Which ten doctors have the most patients?
-- One row per doctor, by number of patients; of equals the one whose key comes first. A doctor's name is personal data
-- and stands in the warehouse only, in bloodtest.doctor.
select
    doctor_key,
    practice_name,
    patient_count,
    name_variant_count
from bloodtest.doctor
where doctor_key != 'unknown'
order by patient_count desc, doctor_key asc
limit 10
