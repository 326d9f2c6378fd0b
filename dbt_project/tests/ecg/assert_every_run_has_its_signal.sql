-- A returned row is a run whose signal is not in the lake's Parquet files: ecg.sample would have no row of it.
{{ config(meta={'dagster': {'ref': {'name': 'run_metadata'}}}) }}

with run_metadata as (

    select * from {{ ref('run_metadata') }}

),

signal as (

    select * from {{ ref('stg_ecg__run_signal') }}

),

without_signal as (

    select
        run_metadata.run_key,
        run_metadata.signal_path
    from run_metadata
    left join signal
        on
            run_metadata.run_key = signal.run_key
            and run_metadata.loaded_raw_path = signal.raw_path
            and run_metadata.transform_load_id = signal.load_id
    where signal.run_key is null

)

select * from without_signal
