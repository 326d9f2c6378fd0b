with run as (

    select * from {{ ref('int_ecg_run__header_with_signal') }}

),

similarity as (

    select * from {{ ref('stg_ecg__run_similarity') }}

),

same_samples as (

    -- The one that came first is the original. All constant signals of one length are equal without being copies.
    select
        run_key,
        first_value(run_key) over (
            partition by signal_sha256
            order by signal_first_delivery, subject_key, run_number
        ) as original_run_key
    from run
    where raw_min_mv < raw_max_mv

),

exact_duplicate as (

    select
        run_key,
        original_run_key as duplicate_of_run_key
    from same_samples
    where run_key != original_run_key

),

near_duplicate as (

    select
        run.run_key,
        earlier.run_key as near_duplicate_of_run_key
    from run
    inner join similarity on run.signal_loaded_raw_path = similarity.raw_path
    inner join run as earlier
        on
            similarity.other_raw_path = earlier.signal_loaded_raw_path
            and run.subject_key = earlier.subject_key
            and run.signal_sha256 != earlier.signal_sha256
    where (earlier.signal_first_delivery, earlier.run_number) < (run.signal_first_delivery, run.run_number)
    qualify row_number() over (
        partition by run.run_key
        order by earlier.signal_first_delivery, earlier.run_number
    ) = 1

),

final as (

    select
        run.run_key,
        exact_duplicate.duplicate_of_run_key,
        -- a copy's near duplicates are its original's
        case
            when exact_duplicate.run_key is null then near_duplicate.near_duplicate_of_run_key
        end as near_duplicate_of_run_key
    from run
    left join exact_duplicate on run.run_key = exact_duplicate.run_key
    left join near_duplicate on run.run_key = near_duplicate.run_key

)

select * from final
