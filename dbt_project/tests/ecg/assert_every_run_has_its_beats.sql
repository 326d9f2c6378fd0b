-- A returned row is a run that has another number of beats than ecg.beat shows of it.
{{ config(meta={'dagster': {'ref': {'name': 'run'}}}) }}

with run as (

    select * from {{ ref('run') }}

),

counted as (

    select
        run_key,
        count(*) as beat_count,
        count(*) filter (where is_ectopic) as ectopic_beat_count,
        count(*) filter (where is_misdetected) as misdetected_beat_count
    from {{ ref('beat') }}
    group by run_key

),

different as (

    -- earlier versions of the transforms wrote no beats
    select
        run.run_key,
        run.beat_count,
        counted.beat_count as beats_found
    from run
    left join counted on run.run_key = counted.run_key
    where
        run.ectopic_beat_count is not null
        and (run.beat_count, run.ectopic_beat_count, run.misdetected_beat_count)
        is distinct from (
            coalesce(counted.beat_count, 0),
            coalesce(counted.ectopic_beat_count, 0),
            coalesce(counted.misdetected_beat_count, 0)
        )

)

select * from different
