-- A returned row is a copy that points to a run that is itself a copy, or a run that is called an exact and a near
-- copy.
with run as (

    select * from {{ ref('run') }}

),

misled as (

    select
        run.run_key,
        run.duplicate_of_run_key,
        run.near_duplicate_of_run_key
    from run
    left join run as original on run.duplicate_of_run_key = original.run_key
    where
        original.duplicate_of_run_key is not null
        or (run.duplicate_of_run_key is not null and run.near_duplicate_of_run_key is not null)

)

select * from misled
