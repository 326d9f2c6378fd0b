with record as (

    select * from {{ ref('int_bloodtest_patient__records') }}
    where not is_withdrawn

),

patient_file as (

    select * from {{ ref('stg_bloodtest__patient_file') }}

),

patient as (

    select * from {{ ref('patient') }}

),

last_full_delivery as (

    select
        clinic,
        max(delivery) as delivery
    from patient_file
    where drops_absent
    group by clinic

),

spelling as (

    -- whom a full snapshot and what came after it do not speak of is gone
    select
        record.doctor_key,
        record.clinic,
        record.doctor_id,
        record.delivery,
        record.doctor_name,
        record.practice_name,
        count(*) as record_count
    from record
    left join last_full_delivery on record.clinic = last_full_delivery.clinic
    where
        record.doctor_id is not null
        and record.delivery >= coalesce(last_full_delivery.delivery, record.delivery)
    group by all

),

name as (

    select
        doctor_key,
        delivery,
        doctor_name,
        sum(record_count) as record_count
    from spelling
    where doctor_name is not null
    group by all

),

latest_name as (

    -- the latest delivery's name; of several within it the most frequent
    select
        doctor_key,
        doctor_name
    from name
    qualify row_number() over (
        partition by doctor_key
        order by delivery desc, record_count desc, doctor_name asc
    ) = 1

),

practice as (

    select
        doctor_key,
        delivery,
        practice_name,
        sum(record_count) as record_count
    from spelling
    where practice_name is not null
    group by all

),

latest_practice as (

    select
        doctor_key,
        practice_name
    from practice
    qualify row_number() over (
        partition by doctor_key
        order by delivery desc, record_count desc, practice_name asc
    ) = 1

),

patient_count as (

    select
        doctor_key,
        count(*) as patient_count
    from patient
    where patient_key != '{{ unknown_key() }}'
    group by doctor_key

),

doctor as (

    select
        doctor_key,
        clinic,
        doctor_id,
        {{ distinct_values('doctor_name') }} as name_variants,
        min(delivery) as first_delivery
    from spelling
    group by all

    union all

    select
        '{{ unknown_key() }}' as doctor_key,
        null as clinic,
        null as doctor_id,
        [] as name_variants,
        null as first_delivery

),

described as (

    select
        doctor.doctor_key,
        doctor.clinic,
        doctor.doctor_id,
        latest_name.doctor_name,
        doctor.name_variants,
        len(doctor.name_variants)::integer as name_variant_count,
        latest_practice.practice_name,
        coalesce(patient_count.patient_count, 0) as patient_count,
        doctor.first_delivery
    from doctor
    left join latest_name on doctor.doctor_key = latest_name.doctor_key
    left join latest_practice on doctor.doctor_key = latest_practice.doctor_key
    left join patient_count on doctor.doctor_key = patient_count.doctor_key

)

select * from described
