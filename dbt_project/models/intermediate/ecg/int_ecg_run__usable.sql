with run as (

    select * from {{ ref('int_ecg_run__header_with_signal') }}

),

comparison as (

    select * from {{ ref('int_ecg_run__duplicates') }}

),

final as (

    -- a copy, under whatever name, would be compared with itself
    select
        run.run_key,
        run.subject_key,
        run.clinic,
        run.run_number,
        run.recorded_on,
        run.transform_version,
        run.template_mv
    from run
    inner join comparison on run.run_key = comparison.run_key
    where
        run.is_usable
        and comparison.duplicate_of_run_key is null
        and comparison.near_duplicate_of_run_key is null

)

select * from final
