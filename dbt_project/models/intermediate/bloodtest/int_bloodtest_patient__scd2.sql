{{ config(materialized='table') }}

{% set attributes = [
    'doctor_key', 'age_years', 'sex', 'height_cm', 'weight_kg', 'first_name', 'last_name', 'address', 'practice_name',
] %}

with record as (

    select * from {{ ref('int_bloodtest_patient__records') }}

),

delivery as (

    select distinct
        clinic,
        delivery,
        drops_absent
    from {{ ref('stg_bloodtest__patient_file') }}

),

next_full_delivery as (

    select
        clinic,
        delivery,
        min(case when drops_absent then delivery end) over (
            partition by clinic
            order by delivery
            rows between 1 following and unbounded following
        ) as next_full_delivery
    from delivery

),

last_record as (

    -- of several records of a patient in one delivery the last one counts
    select
        *,
        {{ row_value(attributes) }} as attribute_values
    from record
    qualify row_number() over (partition by patient_key, delivery order by path_below desc, _row_number desc) = 1

),

compared as (

    select
        last_record.*,
        lag(last_record.attribute_values) over by_delivery as previous_attribute_values,
        lag(next_full_delivery.next_full_delivery) over by_delivery as previous_next_full_delivery,
        -- a record is valid until the patient's next one, or until a full snapshot without the patient
        least(lead(last_record.delivery) over by_delivery, next_full_delivery.next_full_delivery) as valid_to_delivery
    from last_record
    inner join next_full_delivery
        on last_record.clinic = next_full_delivery.clinic and last_record.delivery = next_full_delivery.delivery
    window by_delivery as (partition by last_record.patient_key order by last_record.delivery)

),

versioned as (

    -- a version begins with another record than the previous one, or after a full snapshot without the patient
    select
        *,
        count(*) filter (
            where
            attribute_values is distinct from previous_attribute_values
            or previous_next_full_delivery < delivery
        ) over (partition by patient_key order by delivery) as version_number
    from compared

),

final as (

    select
        patient_key,
        cast(version_number as integer) as version_number,
        min(delivery) as valid_from_delivery,
        case when count(valid_to_delivery) = count(*) then max(valid_to_delivery) end as valid_to_delivery,
        count(valid_to_delivery) < count(*) as is_current,
        min(min(delivery)) over (partition by patient_key) as first_delivery,
        clinic,
        patient_id,
        {{ attributes | join(',\n        ') }}
    from versioned
    group by patient_key, version_number, clinic, patient_id, {{ attributes | join(', ') }}

)

select * from final
