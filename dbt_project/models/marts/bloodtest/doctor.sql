with record as (

    select * from {{ ref('int_bloodtest_patient__records') }}

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

    -- a doctor whom neither the last full snapshot nor a later delivery names is dropped
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

    union all

    select
        '{{ unknown_key() }}' as doctor_key,
        null as clinic,
        null as doctor_id,
        null as delivery,
        null as doctor_name,
        null as practice_name,
        0 as record_count

),

latest_name as (

    {{ latest_spelling('spelling', 'doctor_key', 'doctor_name') }}

),

latest_practice as (

    {{ latest_spelling('spelling', 'doctor_key', 'practice_name') }}

),

patient_count as (

    select
        doctor_key,
        count(*) as patient_count
    from patient
    where patient_key != '{{ unknown_key() }}'
    group by doctor_key

),

final as (

    select
        spelling.doctor_key,
        spelling.clinic,
        spelling.doctor_id,
        latest_name.doctor_name,
        {{ distinct_values('spelling.doctor_name') }} as name_variants,
        cast(count(distinct spelling.doctor_name) as integer) as name_variant_count,
        latest_practice.practice_name,
        coalesce(patient_count.patient_count, 0) as patient_count,
        min(spelling.delivery) as first_delivery
    from spelling
    left join latest_name on spelling.doctor_key = latest_name.doctor_key
    left join latest_practice on spelling.doctor_key = latest_practice.doctor_key
    left join patient_count on spelling.doctor_key = patient_count.doctor_key
    group by all

)

select * from final
