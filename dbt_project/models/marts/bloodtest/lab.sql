with log as (

    select * from {{ ref('stg_bloodtest__log') }}

),

loaded_file as (

    select * from {{ ref('stg_catalog__loaded_file') }}

),

spelling as (

    select
        log.lab_key,
        log.clinic,
        log.lab_id,
        log.lab_name,
        log.city,
        loaded_file.first_delivery,
        loaded_file.last_delivery as delivery,
        count(*) as record_count
    from log
    inner join loaded_file on log._raw_path = loaded_file.raw_path
    where log.lab_id is not null
    group by all

    union all

    select
        '{{ unknown_key() }}' as lab_key,
        null as clinic,
        null as lab_id,
        null as lab_name,
        null as city,
        null as first_delivery,
        null as delivery,
        0 as record_count

),

latest_name as (

    {{ latest_spelling('spelling', 'lab_key', 'lab_name') }}

),

latest_city as (

    {{ latest_spelling('spelling', 'lab_key', 'city') }}

),

final as (

    select
        spelling.lab_key,
        spelling.clinic,
        spelling.lab_id,
        latest_name.lab_name,
        {{ distinct_values('spelling.lab_name') }} as name_variants,
        cast(count(distinct spelling.lab_name) as integer) as name_variant_count,
        latest_city.city,
        {{ distinct_values('spelling.city') }} as city_variants,
        min(spelling.first_delivery) as first_delivery
    from spelling
    left join latest_name on spelling.lab_key = latest_name.lab_key
    left join latest_city on spelling.lab_key = latest_city.lab_key
    group by all

)

select * from final
