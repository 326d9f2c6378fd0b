-- A returned row is a run that counts and has beats enough, but no template: an earlier version of the transforms made
-- its figures, and `vitalhouse build --measurement ecg --recompute` makes them anew. Of eight beats three lie whole in
-- a run at any heart rate that is detected.
{{ config(meta={'dagster': {'ref': {'name': 'int_ecg_run__usable'}}}) }}

select usable_run.run_key
from {{ ref('int_ecg_run__usable') }} as usable_run
inner join {{ ref('int_ecg_run__header_with_signal') }} as run on usable_run.run_key = run.run_key
where
    run.beat_count >= 8
    and usable_run.template_mv is null
