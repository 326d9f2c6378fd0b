-- How many runs came with each upload of a clinic?
-- One row per clinic and delivery. new_run_count: runs that became complete with this delivery. The file counts say
-- the status of all files of the delivery: a duplicate file brings no run, a rejected or waiting one not yet.
with delivered_file as (

    select
        clinic,
        delivery,
        count(*) as file_count,
        count(*) filter (where status = 'loaded') as loaded_file_count,
        count(*) filter (where status = 'duplicate') as duplicate_file_count,
        count(*) filter (where status = 'rejected') as rejected_file_count,
        count(*) filter (where status in ('pending', 'waiting')) as waiting_file_count
    from catalog.file
    where measurement = 'ecg'
    group by clinic, delivery

),

new_run as (

    select
        clinic,
        delivery,
        count(*) as new_run_count,
        count(*) filter (where not is_usable) as unusable_run_count,
        count(duplicate_of_run_key) + count(near_duplicate_of_run_key) as copied_run_count
    from ecg.run
    group by clinic, delivery

)

select
    delivered_file.clinic,
    delivered_file.delivery,
    coalesce(new_run.new_run_count, 0) as new_run_count,
    coalesce(new_run.unusable_run_count, 0) as unusable_run_count,
    coalesce(new_run.copied_run_count, 0) as copied_run_count,
    delivered_file.file_count,
    delivered_file.loaded_file_count,
    delivered_file.duplicate_file_count,
    delivered_file.rejected_file_count,
    delivered_file.waiting_file_count
from delivered_file
left join new_run
    on
        delivered_file.clinic = new_run.clinic
        and delivered_file.delivery = new_run.delivery
order by delivered_file.clinic, delivered_file.delivery
