with log as (

    select * from {{ ref('stg_bloodtest__log') }}
    where lab_id is not null

),

loaded_file as (

    select * from {{ ref('stg_catalog__loaded_file') }}

),

unknown_member as (

    select '{{ unknown_key() }}' as lab_key

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
    group by all

),

latest_name as (

    {{ latest_spelling('spelling', 'lab_key', 'lab_name') }}

),

latest_city as (

    {{ latest_spelling('spelling', 'lab_key', 'city') }}

),

final as (

    -- nothing matches: the unknown member, of which nothing is known, is a row beside the labs
    select
        coalesce(spelling.lab_key, unknown_member.lab_key) as lab_key,
        spelling.clinic,
        spelling.lab_id,
        latest_name.lab_name,
        {{ distinct_values('spelling.lab_name') }} as name_variants,
        cast(count(distinct spelling.lab_name) as integer) as name_variant_count,
        latest_city.city,
        {{ distinct_values('spelling.city') }} as city_variants,
        min(spelling.first_delivery) as first_delivery
    from spelling
    full outer join unknown_member on spelling.lab_key = unknown_member.lab_key
    left join latest_name on spelling.lab_key = latest_name.lab_key
    left join latest_city on spelling.lab_key = latest_city.lab_key
    group by all

)

select * from final
