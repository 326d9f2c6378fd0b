with record as (

    select * from {{ ref('int_bloodtest_patient__records') }}
    where doctor_id is not null

),

last_full_delivery as (

    select
        clinic,
        max(delivery) as delivery
    from {{ ref('stg_bloodtest__patient_file') }}
    where drops_absent
    group by clinic

),

patient_count as (

    select
        doctor_key,
        count(*) as patient_count
    from {{ ref('patient') }}
    where patient_key != '{{ unknown_key() }}'
    group by doctor_key

),

unknown_member as (

    select '{{ unknown_key() }}' as doctor_key

),

spelling as (

    -- a doctor is dropped who is in neither the last full snapshot nor a later delivery
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
    where record.delivery >= coalesce(last_full_delivery.delivery, record.delivery)
    group by all

),

latest_name as (

    {{ latest_spelling('spelling', 'doctor_key', 'doctor_name') }}

),

latest_practice as (

    {{ latest_spelling('spelling', 'doctor_key', 'practice_name') }}

),

final as (

    -- nothing matches: the unknown member, of whom nothing is known, is a row beside the doctors
    select
        coalesce(spelling.doctor_key, unknown_member.doctor_key) as doctor_key,
        spelling.clinic,
        spelling.doctor_id,
        latest_name.doctor_name,
        {{ distinct_values('spelling.doctor_name') }} as name_variants,
        cast(count(distinct spelling.doctor_name) as integer) as name_variant_count,
        latest_practice.practice_name,
        coalesce(patient_count.patient_count, 0) as patient_count,
        min(spelling.delivery) as first_delivery
    from spelling
    full outer join unknown_member on spelling.doctor_key = unknown_member.doctor_key
    left join latest_name on spelling.doctor_key = latest_name.doctor_key
    left join latest_practice on spelling.doctor_key = latest_practice.doctor_key
    left join patient_count on coalesce(spelling.doctor_key, unknown_member.doctor_key) = patient_count.doctor_key
    group by all

)

select * from final
