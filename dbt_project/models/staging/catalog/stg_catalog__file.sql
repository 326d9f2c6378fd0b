with source as (

    select * from {{ source('catalog', 'file') }}

),

final as (

    select
        raw_path,
        clinic,
        measurement,
        delivery,
        entity,
        path_below,
        size_bytes,
        modified_at,
        content_hash,
        first_crawled_at,
        last_crawled_at,
        processed_at,
        load_id,
        row_count,
        rejected_count,
        status,
        reason
    from source

)

select * from final
