-- A returned row is a run that counts and has beats enough, but no template: an earlier version of the transforms made
-- its figures, and `vitalhouse build --measurement ecg --recompute` makes them anew. Of eight beats three lie whole in
-- a run at any heart rate that is detected.
{{ config(meta={'dagster': {'ref': {'name': 'int_ecg_run__enrolled'}}}) }}

select run.run_key
from {{ ref('int_ecg_run__counted') }} as counted
inner join {{ ref('int_ecg_run__paired') }} as run on counted.run_key = run.run_key
left join {{ ref('int_ecg_run__enrolled') }} as enrolled on counted.run_key = enrolled.run_key
where
    run.beat_count >= 8
    and enrolled.run_key is null
