-- A returned row is a run that two files of one delivery claim; the clinic should say which one it is.
{{ config(severity='warn') }}

select
    run_key,
    last_delivery,
    header_raw_path,
    signal_raw_path
from {{ ref('run') }}
where has_conflicting_file
