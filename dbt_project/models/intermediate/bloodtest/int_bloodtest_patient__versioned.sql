{% set described = [
    'doctor_key', 'age_years', 'sex', 'height_cm', 'weight_kg', 'first_name', 'last_name', 'address', 'practice_name',
] %}

with patient as (

    select
        *,
        {{ record_of(described) }} as said
    from {{ ref('int_bloodtest_patient__delivered') }}
    where is_last_in_delivery

),

patient_file as (

    select * from {{ ref('stg_bloodtest__patient_file') }}

),

full_delivery as (

    select distinct
        clinic,
        delivery
    from patient_file
    where is_full and {{ drops_members() }}

),

next_full_delivery as (

    select
        patient_file.clinic,
        patient_file.delivery,
        min(full_delivery.delivery) as next_full_delivery
    from patient_file
    inner join full_delivery
        on patient_file.clinic = full_delivery.clinic and patient_file.delivery < full_delivery.delivery
    group by patient_file.clinic, patient_file.delivery

),

placed as (

    select
        patient.*,
        next_full_delivery.next_full_delivery,
        lead(patient.delivery) over by_delivery as next_delivery,
        lag(patient.said) over by_delivery as said_before,
        lag(next_full_delivery.next_full_delivery) over by_delivery as full_delivery_since
    from patient
    left join next_full_delivery
        on patient.clinic = next_full_delivery.clinic and patient.delivery = next_full_delivery.delivery
    window by_delivery as (partition by patient.patient_key order by patient.delivery)

),

judged as (

    -- what a delivery says holds until the clinic speaks of the patient again, or a full snapshot leaves the patient
    -- out
    select
        *,
        least(next_delivery, next_full_delivery) as holds_to_delivery,
        coalesce((said is distinct from said_before) or full_delivery_since < delivery, false) as is_first_of_version
    from placed

),

numbered as (

    select
        *,
        sum(case when is_first_of_version then 1 else 0 end) over (
            partition by patient_key
            order by delivery
        ) as version_number
    from judged

),

bounded as (

    select
        *,
        min(delivery) over (partition by patient_key) as first_delivery,
        case
            when not bool_or(holds_to_delivery is null) over (partition by patient_key, version_number)
                then max(holds_to_delivery) over (partition by patient_key, version_number)
        end as valid_to_delivery
    from numbered

),

versioned as (

    select
        patient_key,
        version_number::integer as version_number,
        delivery as valid_from_delivery,
        valid_to_delivery,
        valid_to_delivery is null as is_current,
        first_delivery,
        clinic,
        patient_id,
        doctor_key,
        age_years,
        sex,
        height_cm,
        weight_kg,
        first_name,
        last_name,
        address,
        practice_name
    from bounded
    where is_first_of_version

)

select * from versioned
