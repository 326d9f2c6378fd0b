with run as (

    select * from {{ ref('int_ecg_run__header_with_signal') }}

),

indexed as (

    select
        run_key,
        duration_s,
        window_quality,
        {{ list_positions('window_quality') }} as window_index
    from run
    where is_usable

),

final as (

    -- the last window lasts to the end of the run
    select
        run_key,
        window_index,
        (10 * window_index)::double as start_s,
        case
            when window_index = max(window_index) over (partition by run_key) then duration_s
            else 10.0 * (window_index + 1)
        end::double as end_s,
        {{ list_element('window_quality', 'window_index') }} as quality_index
    from indexed

)

select * from final
