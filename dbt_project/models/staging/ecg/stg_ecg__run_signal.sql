-- The signals lie in Parquet files that the same step writes as raw.ecg_run_feature. The folder always holds one file
-- without rows, so that it can be read before the first run is loaded.
-- depends_on: {{ source('raw', 'ecg_run_feature') }}
with signal as (

    select * from {{ read_parquet_folder('processed/measurement=ecg') }}

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
