-- What is the mean systolic pressure of each age band and sex?
-- One row per band of ten years and sex: the mean over all plausible tests, and beside it mean and standard deviation
-- of the patients' own means, for which nobody counts more by being tested often. Patients whose age is plausible and
-- whose sex is known; the age is that of the patient's latest record.
with test as (

    select
        patient.patient_key,
        patient.sex,
        patient.age_years // 10 * 10 as age_from_years,
        bloodtest.systolic_mmhg
    from bloodtest.bloodtest
    inner join bloodtest.patient on bloodtest.patient_key = patient.patient_key
    where
        bloodtest.is_plausible
        and bloodtest.systolic_mmhg is not null
        and patient.sex is not null
        and patient.age_years between 0 and 130

),

by_patient as (

    select
        sex,
        age_from_years,
        patient_key,
        count(*) as test_count,
        sum(systolic_mmhg) as total_mmhg,
        avg(systolic_mmhg) as mean_mmhg
    from test
    group by all

)

select
    age_from_years,
    age_from_years + 9 as age_to_years,
    sex,
    count(*) as patient_count,
    sum(test_count)::bigint as test_count,
    sum(total_mmhg) / sum(test_count) as mean_systolic_mmhg,
    avg(mean_mmhg) as mean_of_patients_mmhg,
    stddev_samp(mean_mmhg) as sd_of_patients_mmhg
from by_patient
group by all
order by age_from_years, sex
