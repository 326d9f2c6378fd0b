with run as (

    select * from {{ ref('int_ecg_run__header_with_signal') }}

),

one_row_per_window as (

    select
        run_key,
        duration_s,
        {{ list_positions('window_quality') }} as window_index,
        {{ unnest_list('window_quality') }} as quality_index
    from run
    where is_usable

),

timed as (

    -- the last window is what remains
    select
        run_key,
        window_index,
        (10 * window_index)::double as start_s,
        case
            when window_index = max(window_index) over (partition by run_key) then duration_s
            else 10.0 * (window_index + 1)
        end::double as end_s,
        quality_index
    from one_row_per_window

)

select * from timed
