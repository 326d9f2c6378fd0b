with file as (

    select * from {{ source('catalog', 'file') }}
    where measurement = 'bloodtest' and entity = 'patient'

),

delivered_content as (

    select * from {{ source('catalog', 'delivered_content') }}
    where measurement = 'bloodtest' and entity = 'patient'

),

arrived as (

    -- a file that came again, byte for byte, has its rows under the path of its first arrival
    select
        file.clinic,
        file.delivery,
        file.path_below,
        file.content_hash,
        delivered_content.raw_path as loaded_raw_path,
        loaded.load_id,
        loaded.rejected_count
    from file
    left join delivered_content
        on
            file.clinic = delivered_content.clinic
            and file.path_below = delivered_content.path_below
            and file.content_hash = delivered_content.content_hash
            and file.status in ('loaded', 'duplicate', 'missing')
    left join file as loaded on delivered_content.raw_path = loaded.raw_path

),

delivery as (

    -- whom a file that could not be read whole left out, the clinic did not leave out: such a delivery drops nobody
    select
        clinic,
        delivery,
        string_agg(path_below || ' ' || coalesce(content_hash, ''), chr(10) order by path_below) as fingerprint,
        coalesce(bool_or({{ is_full_snapshot('path_below') }}), false)
        and coalesce(
            bool_and(loaded_raw_path is not null and rejected_count = 0) filter (
                where {{ is_full_snapshot('path_below') }}
            ),
            true
        )
        and {{ snapshot_drops_absent() }} as drops_absent
    from arrived
    group by clinic, delivery

),

changed_delivery as (

    -- a delivery of the very files of the delivery before it says nothing new: an hourly export of unchanged files
    -- would otherwise repeat every patient every hour
    select
        clinic,
        delivery,
        drops_absent
    from delivery
    qualify fingerprint is distinct from lag(fingerprint) over (partition by clinic order by delivery)

),

delivered as (

    select
        arrived.clinic,
        arrived.delivery,
        arrived.path_below,
        arrived.loaded_raw_path,
        arrived.load_id,
        changed_delivery.drops_absent
    from arrived
    inner join changed_delivery
        on arrived.clinic = changed_delivery.clinic and arrived.delivery = changed_delivery.delivery
    where arrived.loaded_raw_path is not null

)

select * from delivered
