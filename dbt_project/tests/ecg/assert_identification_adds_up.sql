-- A returned row is a protocol of a clinic whose summary does not count its probe runs, or those that were identified.
{{ config(meta={'dagster': {'ref': {'name': 'identification_summary'}}}) }}

with identification as (

    select * from {{ ref('identification') }}

),

summary as (

    select * from {{ ref('identification_summary') }}

),

counted as (

    select
        clinic,
        protocol,
        count(*) as asked_run_count,
        count(distinct subject_key) as asked_subject_count,
        100 * avg(is_identified::integer) as rank1_pct
    from identification
    group by clinic, protocol

),

compared as (

    select
        coalesce(counted.clinic, summary.clinic) as clinic,
        coalesce(counted.protocol, summary.protocol) as protocol,
        counted.asked_run_count,
        summary.asked_run_count as summary_asked_run_count,
        counted.rank1_pct,
        summary.rank1_pct as summary_rank1_pct
    from counted
    full outer join summary on counted.clinic = summary.clinic and counted.protocol = summary.protocol
    where
        counted.asked_run_count is distinct from summary.asked_run_count
        or counted.asked_subject_count is distinct from summary.asked_subject_count
        or abs(counted.rank1_pct - summary.rank1_pct) > 1e-9

)

select * from compared
