-- Which runs came with the last load?
-- One row per run. A header is loaded once its signal has come, so a run counts with the load of its header. A run
-- whose header the last load corrected is here too: it had come in an earlier delivery.
with last_load as (

    select max(load_id) as load_id
    from catalog.load
    where measurement = 'ecg' and entity = 'run_header' and row_count > 0

)

select
    run.run_key,
    run.delivery,
    run.last_delivery,
    run.recorded_on,
    run.duration_s,
    run.heart_rate_bpm,
    run.is_usable,
    run.duplicate_of_run_key,
    run.near_duplicate_of_run_key,
    run_metadata.header_processed_at as loaded_at
from ecg.run
inner join ecg.run_metadata on run.run_key = run_metadata.run_key
inner join last_load on run_metadata.header_load_id = last_load.load_id
order by run.clinic, run.subject, run.run_number
