with reading as (

    select * from {{ source('raw', 'balance_accelerometer') }}

),

delivered_content as (

    select * from {{ source('catalog', 'delivered_content') }}

),

decoded as (

    select
        reading.clinic,
        {{ normalise_identifier('reading.email') }} as email,
        {{ epoch_ms_to_timestamp('reading.timestamp') }} as measured_at,
        reading.x,
        reading.y,
        reading.z,
        delivered_content.first_delivery,
        reading._load_id
    from reading
    inner join delivered_content on reading._raw_path = delivered_content.raw_path

),

final as (

    -- a reading that comes again in another file, or twice in one, is one reading
    select
        clinic,
        email,
        measured_at,
        x,
        y,
        z,
        min(first_delivery) as first_delivery,
        min(_load_id) as _load_id,
        count(*) as delivered_row_count
    from decoded
    group by clinic, email, measured_at, x, y, z

)

select * from final
