-- What is the subjects' mean age?
-- One row. Age on the day of the first run that has one, in whole years, one value a subject; unknown ages are
-- counted and left out.
with first_known_age as (

    select
        subject_key,
        arg_min(age_years, (recorded_on, run_number)) as age_years
    from ecg.run
    where age_years is not null
    group by subject_key

)

select
    count(*) as subject_count,
    count(first_known_age.age_years) as subject_with_age_count,
    avg(first_known_age.age_years) as mean_age_years,
    stddev_samp(first_known_age.age_years) as sd_age_years,
    median(first_known_age.age_years) as median_age_years,
    min(first_known_age.age_years) as youngest_age_years,
    max(first_known_age.age_years) as oldest_age_years
from ecg.subject
left join first_known_age on subject.subject_key = first_known_age.subject_key
