with signal as (

    select * from {{ ref('stg_ecg__run_signal') }}

),

run_metadata as (

    select * from {{ ref('run_metadata') }}

),

current_signal as (

    -- the Parquet files also hold signals that a later delivery or computation has replaced
    select
        signal.run_key,
        signal.sampling_rate_hz,
        signal.raw_mv,
        signal.filtered_mv
    from signal
    inner join run_metadata
        on
            signal.run_key = run_metadata.run_key
            and signal.raw_path = run_metadata.loaded_raw_path
            and signal.load_id = run_metadata.transform_load_id

),

indexed as (

    select
        *,
        {{ list_positions('raw_mv') }} as sample_index
    from current_signal

),

final as (

    select
        run_key,
        sample_index,
        sample_index / sampling_rate_hz as time_s,
        {{ list_element('raw_mv', 'sample_index') }} as raw_mv,
        {{ list_element('filtered_mv', 'sample_index') }} as filtered_mv
    from indexed

)

select * from final
