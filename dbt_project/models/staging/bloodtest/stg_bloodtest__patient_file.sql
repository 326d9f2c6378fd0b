with file as (

    select * from {{ source('catalog', 'file') }}
    where measurement = 'bloodtest' and entity = 'patient'

),

delivered_content as (

    select * from {{ source('catalog', 'delivered_content') }}
    where measurement = 'bloodtest' and entity = 'patient'

),

delivered_file as (

    -- A file that was delivered again, byte for byte, is loaded once, under the path of its first arrival. A full
    -- snapshot is known by its files' names: in latest/ the provider chooses no name for the delivery.
    select
        file.clinic,
        file.delivery,
        file.path_below,
        file.path_below = 'patient_data/full.json'
        or file.path_below like 'patient_data/full-%.json' as is_full_snapshot,
        file.path_below || ' ' || coalesce(file.content_hash, '') as file_version,
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

    -- a full snapshot with a refused file or record drops nobody: the patients that it lacks may be in that record
    select
        clinic,
        delivery,
        {{ distinct_values('file_version') }} as file_versions,
        coalesce(bool_and(loaded_raw_path is not null and rejected_count = 0) filter (where is_full_snapshot), false)
        and {{ snapshot_drops_absent() }} as drops_absent
    from delivered_file
    group by clinic, delivery

),

changed_delivery as (

    -- a delivery of exactly the files of the delivery before it is left out: an hourly export of unchanged files would
    -- otherwise repeat every patient every hour
    select
        clinic,
        delivery,
        drops_absent
    from delivery
    qualify file_versions is distinct from lag(file_versions) over (partition by clinic order by delivery)

),

final as (

    select
        delivered_file.clinic,
        delivered_file.delivery,
        delivered_file.path_below,
        delivered_file.loaded_raw_path,
        delivered_file.load_id,
        changed_delivery.drops_absent
    from delivered_file
    inner join changed_delivery
        on delivered_file.clinic = changed_delivery.clinic and delivered_file.delivery = changed_delivery.delivery
    where delivered_file.loaded_raw_path is not null

)

select * from final
