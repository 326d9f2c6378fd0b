-- A returned row is an identified run that is a copy of another or unusable.
{{ config(meta={'dagster': {'ref': {'name': 'identification'}}}) }}

select
    identification.protocol,
    identification.run_key,
    run.duplicate_of_run_key,
    run.near_duplicate_of_run_key,
    run.unusable_reason
from {{ ref('identification') }} as identification
inner join {{ ref('run') }} as run on identification.run_key = run.run_key
where
    run.duplicate_of_run_key is not null
    or run.near_duplicate_of_run_key is not null
    or not run.is_usable
