with source as (

    select * from {{ source('catalog', 'load') }}

),

final as (

    select
        load_id,
        measurement,
        entity,
        deliveries,
        started_at,
        finished_at,
        file_count,
        row_count,
        rejected_count,
        removed_row_count,
        unknown_fields
    from source

)

select * from final
