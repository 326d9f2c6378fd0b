-- A returned row is a subject whose run_count is not the number of its runs.
{{ config(meta={'dagster': {'ref': {'name': 'subject'}}}) }}

with subject as (

    select * from {{ ref('subject') }}

),

run as (

    select * from {{ ref('run') }}

),

counted as (

    select
        subject_key,
        count(*) as run_count
    from run
    group by subject_key

),

different as (

    select
        subject.subject_key,
        subject.run_count,
        counted.run_count as counted_run_count
    from subject
    full outer join counted on subject.subject_key = counted.subject_key
    where subject.run_count is distinct from counted.run_count

)

select * from different
