with header as (

    select * from {{ source('raw', 'ecg_run_header') }}

),

delivered_content as (

    select * from {{ source('catalog', 'delivered_content') }}

),

decoded as (

    select
        -- ids
        header.clinic || ':' || header.subject || ':' || header.run as run_key,
        header.clinic || ':' || header.subject as subject_key,
        header.clinic,
        header.subject,
        header.run as run_number,
        -- attributes
        header.date as recorded_on,
        header.fs as sampling_rate_hz,
        case when lower(trim(header.units)) = 'mv' then 'mV' else 'uV' end as unit,
        case when header.age between 0 and 130 then header.age end as age_years,
        coalesce(header.age between 0 and 130, true) as is_age_plausible,
        case
            when lower(trim(header.sex)) in ('male', 'm') then 'male'
            when lower(trim(header.sex)) in ('female', 'f') then 'female'
        end as sex,
        -- times
        delivered_content.path_below,
        delivered_content.first_delivery,
        delivered_content.last_delivery,
        delivered_content.delivery_count,
        -- lineage
        header._raw_path,
        header._row_number,
        header._load_id
    from header
    inner join delivered_content on header._raw_path = delivered_content.raw_path

),

final as (

    -- The last delivery that brought a content decides, whatever order the deliveries arrived in; between two folders
    -- of one delivery that claim the same run, the name.
    select
        *,
        min(first_delivery) over (partition by run_key) as first_delivery_of_run,
        count(*) over (partition by run_key, last_delivery) > 1 as has_conflicting_file
    from decoded
    qualify row_number() over (partition by run_key order by last_delivery desc, path_below asc) = 1

)

select * from final
