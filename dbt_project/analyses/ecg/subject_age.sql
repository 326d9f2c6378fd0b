-- How old is a subject?
-- One row per subject. The birth date lies between two days, so the age today does as well; it is exact where both ends
-- agree. Ages are whole years.
with first_known_age as (

    select
        subject_key,
        min(recorded_on) as recorded_on,
        arg_min(age_years, (recorded_on, run_number)) as age_years
    from ecg.run
    where age_years is not null
    group by subject_key

)

select
    subject.subject_key,
    subject.sex,
    first_known_age.age_years as age_at_first_run_years,
    first_known_age.recorded_on as first_run_with_age_on,
    subject.birth_date_earliest,
    subject.birth_date_latest,
    datesub('year', subject.birth_date_latest, current_date) as youngest_age_today_years,
    datesub('year', subject.birth_date_earliest, current_date) as oldest_age_today_years,
    subject.conflict_reason
from ecg.subject
left join first_known_age on subject.subject_key = first_known_age.subject_key
order by subject.clinic, subject.subject
