-- A returned row is a run whose figures were computed with another sampling rate or unit than its header has by now.
select
    run_key,
    header_loaded_raw_path,
    signal_loaded_raw_path
from {{ ref('int_ecg_run__header_with_signal') }}
where not is_read_with_its_header
