with run as (

    select * from {{ ref('int_ecg_run__header_with_signal') }}

),

file as (

    select * from {{ ref('stg_catalog__file') }}

),

crawled as (

    -- every identical delivery of a file is a file of its own: seen from the first crawl of one to the last of another
    select
        clinic,
        measurement,
        entity,
        path_below,
        content_hash,
        min(first_crawled_at) as first_crawled_at,
        max(last_crawled_at) as last_crawled_at
    from file
    group by all

),

file_history as (

    select
        file.raw_path,
        file.content_hash,
        file.size_bytes,
        file.modified_at,
        crawled.first_crawled_at,
        crawled.last_crawled_at,
        file.processed_at,
        file.load_id,
        file.rejected_count
    from file
    inner join crawled
        on
            file.clinic = crawled.clinic
            and file.measurement = crawled.measurement
            and file.entity = crawled.entity
            and file.path_below = crawled.path_below
            and file.content_hash = crawled.content_hash

),

final as (

    select
        -- ids
        run.run_key,
        run.subject_key,
        run.clinic,
        -- the signal file
        run.signal_raw_path as raw_path,
        run.signal_loaded_raw_path as loaded_raw_path,
        signal_file.content_hash,
        signal_file.size_bytes,
        signal_file.modified_at,
        signal_file.first_crawled_at,
        signal_file.last_crawled_at,
        signal_file.processed_at,
        signal_file.load_id,
        signal_file.rejected_count,
        run.signal_delivery_count as delivery_count,
        -- the header file
        run.header_raw_path,
        run.header_loaded_raw_path,
        header_file.content_hash as header_content_hash,
        header_file.size_bytes as header_size_bytes,
        header_file.modified_at as header_modified_at,
        header_file.first_crawled_at as header_first_crawled_at,
        header_file.last_crawled_at as header_last_crawled_at,
        header_file.processed_at as header_processed_at,
        header_file.load_id as header_load_id,
        header_file.rejected_count as header_rejected_count,
        run.header_delivery_count,
        -- computation
        run.signal_path,
        run.signal_sha256,
        run.transform_version,
        run.transform_load_id
    from run
    inner join file_history as signal_file on run.signal_loaded_raw_path = signal_file.raw_path
    inner join file_history as header_file on run.header_loaded_raw_path = header_file.raw_path

)

select * from final
