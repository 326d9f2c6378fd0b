with file as (

    select * from {{ source('catalog', 'file') }}

),

delivered_content as (

    select * from {{ source('catalog', 'delivered_content') }}

),

final as (

    select
        file.raw_path,
        file.load_id,
        delivered_content.path_below,
        delivered_content.last_delivery
    from file
    inner join delivered_content on file.raw_path = delivered_content.raw_path
    where file.measurement = 'wearable' and file.entity = 'reading'

)

select * from final
