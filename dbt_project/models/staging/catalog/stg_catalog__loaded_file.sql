with delivered_content as (

    select * from {{ source('catalog', 'delivered_content') }}

),

file as (

    select * from {{ source('catalog', 'file') }}

),

final as (

    select
        delivered_content.raw_path,
        delivered_content.clinic,
        delivered_content.measurement,
        delivered_content.entity,
        delivered_content.path_below,
        delivered_content.content_hash,
        delivered_content.first_delivery,
        delivered_content.last_delivery,
        delivered_content.delivery_count,
        file.load_id,
        file.row_count,
        file.rejected_count
    from delivered_content
    inner join file on delivered_content.raw_path = file.raw_path

)

select * from final
