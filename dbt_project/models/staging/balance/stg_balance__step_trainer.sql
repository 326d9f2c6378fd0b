with reading as (

    select * from {{ source('raw', 'balance_step_trainer') }}

),

delivered_content as (

    select * from {{ source('catalog', 'delivered_content') }}

),

final as (

    -- a reading that is delivered again in another file, or twice in one, is one reading
    select
        reading.clinic,
        {{ normalise_identifier('reading.serialnumber') }} as serial_number,
        {{ epoch_ms_to_timestamp('reading.sensorreadingtime') }} as measured_at,
        reading.distancefromobject as distance_from_object_cm,
        min(delivered_content.first_delivery) as first_delivery,
        min(reading._load_id) as _load_id,
        count(*) as delivered_row_count
    from reading
    inner join delivered_content on reading._raw_path = delivered_content.raw_path
    group by all

)

select * from final
