-- A returned row is a run that has a header and a signal and is missing among the marts' runs, or a run that was
-- invented.
{{ config(meta={'dagster': {'ref': {'name': 'run'}}}) }}

with header as (

    select * from {{ ref('stg_ecg__run_header') }}

),

feature as (

    select * from {{ ref('stg_ecg__run_feature') }}

),

run as (

    select * from {{ ref('run') }}

),

expected as (

    select header.run_key
    from header
    inner join feature on header.run_key = feature.run_key

),

compared as (

    select
        expected.run_key as expected_run_key,
        run.run_key as found_run_key
    from expected
    full outer join run on expected.run_key = run.run_key
    where expected.run_key is null or run.run_key is null

)

select * from compared
