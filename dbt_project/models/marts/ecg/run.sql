with run as (

    select * from {{ ref('int_ecg_run__header_with_signal') }}

),

comparison as (

    select * from {{ ref('int_ecg_run__duplicates') }}

),

final as (

    select
        -- ids
        run.run_key,
        run.subject_key,
        run.clinic,
        run.subject,
        run.run_number,
        -- the recording
        run.recorded_on,
        run.age_years,
        run.is_age_plausible,
        run.sex,
        run.sampling_rate_hz,
        run.sample_count,
        run.duration_s,
        -- measures
        {{ ecg_features('run') }},
        -- quality
        run.is_usable,
        run.unusable_reason,
        run.has_conflicting_file,
        comparison.duplicate_of_run_key,
        comparison.near_duplicate_of_run_key,
        -- files
        run.first_delivery as delivery,
        run.last_delivery,
        run.header_raw_path,
        run.signal_raw_path,
        run.signal_path,
        run.transform_version
    from run
    inner join comparison on run.run_key = comparison.run_key

)

select * from final
