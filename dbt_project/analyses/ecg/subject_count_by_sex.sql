-- How many men and how many women are there?
-- One row per sex; null is unknown, or runs that disagree. copied_subject_count: subjects all of whose runs have the
-- samples of other runs, probably the same person under another name.
with own_run as (

    select
        subject_key,
        count(*) filter (where duplicate_of_run_key is null) as own_run_count
    from ecg.run
    group by subject_key

)

select
    subject.sex,
    count(*) as subject_count,
    100.0 * count(*) / sum(count(*)) over () as subject_pct,
    count(*) filter (where own_run.own_run_count = 0) as copied_subject_count,
    count(*) filter (where subject.has_conflict) as subject_with_conflict_count,
    sum(subject.run_count)::bigint as run_count
from ecg.subject
inner join own_run on subject.subject_key = own_run.subject_key
group by subject.sex
order by subject.sex nulls last
