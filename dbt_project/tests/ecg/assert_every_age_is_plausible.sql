-- A returned row is a run whose header gives an age outside 0 to 130; the run counts, its age does not.
{{ config(severity='warn') }}

select
    run_key,
    header_raw_path
from {{ ref('run') }}
where not is_age_plausible
