-- A returned row is a run whose header or signal is another file than the one that the catalog holds for current, by
-- which the loader pairs signals with headers: the figures of such a run would belong to another header.
{{ config(meta={'dagster': {'ref': {'name': 'int_ecg_run__header_with_signal'}}}) }}

with run as (

    select * from {{ ref('int_ecg_run__header_with_signal') }}

),

delivered_content as (

    select * from {{ source('catalog', 'delivered_content') }}

),

compared as (

    select
        run.run_key,
        header_file.is_current as is_header_current,
        signal_file.is_current as is_signal_current
    from run
    left join delivered_content as header_file on run.header_loaded_raw_path = header_file.raw_path
    left join delivered_content as signal_file on run.signal_loaded_raw_path = signal_file.raw_path
    where not coalesce(header_file.is_current and signal_file.is_current, false)

)

select * from compared
