-- A returned row is a run that counts and was never enrolled: the asset raw/ecg_run_template has not run since its
-- signal was transformed.
{{ config(meta={'dagster': {'ref': {'name': 'int_ecg_run__counted'}}}) }}

select run.run_key
from {{ ref('int_ecg_run__counted') }} as run
left join {{ ref('stg_ecg__run_template') }} as enrolment
    on
        run.signal_loaded_raw_path = enrolment._raw_path
        and run.transform_load_id = enrolment._load_id
where enrolment._raw_path is null
