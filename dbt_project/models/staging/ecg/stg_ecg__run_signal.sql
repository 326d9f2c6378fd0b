-- The signals lie in Parquet files that the same step writes as raw.ecg_run_feature.
-- depends_on: {{ source('raw', 'ecg_run_feature') }}
with signal as (

    select * from {{ read_signal_parquet() }}

),

final as (

    select
        run_key,
        raw_path,
        load_id,
        sampling_rate_hz,
        raw_mv,
        filtered_mv
    from signal

)

select * from final
