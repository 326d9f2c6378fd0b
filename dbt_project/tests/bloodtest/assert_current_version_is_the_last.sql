-- A returned row is a patient with several current versions, or with one that is not the last.
{{ config(meta={'dagster': {'ref': {'name': 'patient_history'}}}) }}

with version as (

    select * from {{ ref('patient_history') }}

),

counted as (

    select
        patient_key,
        count(*) filter (where is_current) as current_count,
        max(version_number) as last_version_number,
        max(version_number) filter (where is_current) as current_version_number
    from version
    group by patient_key

)

select *
from counted
where current_count > 1 or current_version_number != last_version_number
