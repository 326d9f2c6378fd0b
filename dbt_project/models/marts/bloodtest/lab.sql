with record as (

    select * from {{ ref('int_bloodtest_lab__name_counts') }}

),

loaded_file as (

    select * from {{ ref('stg_catalog__loaded_file') }}

),

spelling as (

    select
        record.lab_key,
        record.clinic,
        record.lab_id,
        record.lab_name,
        record.city,
        record.record_count,
        loaded_file.first_delivery,
        loaded_file.last_delivery
    from record
    inner join loaded_file on record._raw_path = loaded_file.raw_path

),

name as (

    select
        lab_key,
        last_delivery,
        lab_name,
        sum(record_count) as record_count
    from spelling
    where lab_name is not null
    group by all

),

latest_name as (

    -- the latest delivery's name; of several within it the most frequent
    select
        lab_key,
        lab_name
    from name
    qualify row_number() over (
        partition by lab_key
        order by last_delivery desc, record_count desc, lab_name asc
    ) = 1

),

city as (

    select
        lab_key,
        last_delivery,
        city,
        sum(record_count) as record_count
    from spelling
    where city is not null
    group by all

),

latest_city as (

    select
        lab_key,
        city
    from city
    qualify row_number() over (
        partition by lab_key
        order by last_delivery desc, record_count desc, city asc
    ) = 1

),

lab as (

    select
        lab_key,
        clinic,
        lab_id,
        {{ distinct_values('lab_name') }} as name_variants,
        {{ distinct_values('city') }} as city_variants,
        min(first_delivery) as first_delivery
    from spelling
    group by all

    union all

    select
        '{{ unknown_key() }}' as lab_key,
        null as clinic,
        null as lab_id,
        [] as name_variants,
        [] as city_variants,
        null as first_delivery

),

described as (

    select
        lab.lab_key,
        lab.clinic,
        lab.lab_id,
        latest_name.lab_name,
        lab.name_variants,
        len(lab.name_variants)::integer as name_variant_count,
        latest_city.city,
        lab.city_variants,
        lab.first_delivery
    from lab
    left join latest_name on lab.lab_key = latest_name.lab_key
    left join latest_city on lab.lab_key = latest_city.lab_key

)

select * from described
