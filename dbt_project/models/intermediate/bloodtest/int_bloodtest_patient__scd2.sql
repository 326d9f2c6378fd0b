{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='patient_key',
        on_schema_change='fail',
        post_hook="{{ delete_forgotten_patients() }}",
    )
}}

{% set described = [
    'doctor_key', 'age_years', 'sex', 'height_cm', 'weight_kg', 'first_name', 'last_name', 'address', 'practice_name',
] %}

{% set delivered = ref('int_bloodtest_patient__records') %}

-- Large tables are named where they are read: the engine would keep the whole of a CTE that is read twice.
with patient_file as (

    select * from {{ ref('stg_bloodtest__patient_file') }}

),

note as (

    select coalesce(max(noted_load_id), 0) as noted_load_id
    from {{ delivered }}

),

{% if is_incremental() %}

    watermark as (

        select coalesce(max(present.noted_load_id), 0) as noted_load_id
        from {{ this }} as present

    ),

    news as (

        select
            patient_key,
            clinic,
            drops_absent
        from {{ delivered }}
        where noted_load_id > (select watermark.noted_load_id from watermark)

    ),

    snapshot_clinic as (

        select distinct clinic
        from news
        where drops_absent

    ),

    affected as (

        select patient_key
        from news

        union

        -- a full snapshot speaks of everybody, and so does its withdrawal
        select delivered.patient_key
        from {{ delivered }} as delivered
        inner join snapshot_clinic on delivered.clinic = snapshot_clinic.clinic

    ),

{% endif %}

patient as (

    -- of several records of a patient in one delivery the one that stands last counts
    select
        *,
        {{ row_value(described) }} as said
    from {{ delivered }}
    where
        not is_withdrawn
        {% if is_incremental() %}
            and patient_key in (select affected.patient_key from affected)
        {% endif %}
    qualify row_number() over (
        partition by patient_key, delivery
        order by path_below desc, _row_number desc
    ) = 1

),

delivery as (

    select distinct
        clinic,
        delivery,
        drops_absent
    from patient_file

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
        practice_name,
        (select note.noted_load_id from note) as noted_load_id
    from bounded
    where is_first_of_version

)

select * from versioned
