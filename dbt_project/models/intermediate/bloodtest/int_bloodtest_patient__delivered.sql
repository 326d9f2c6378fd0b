with patient as (

    select * from {{ ref('stg_bloodtest__patient') }}

),

patient_file as (

    select * from {{ ref('stg_bloodtest__patient_file') }}

),

delivered as (

    select
        patient.*,
        patient_file.delivery,
        patient_file.path_below
    from patient
    inner join patient_file on patient._raw_path = patient_file.loaded_raw_path

),

ranked as (

    -- of several records of a patient in one delivery the one that stands last counts
    select
        patient_key,
        doctor_key,
        clinic,
        patient_id,
        doctor_id,
        age_years,
        sex,
        height_cm,
        weight_kg,
        first_name,
        last_name,
        address,
        practice_name,
        doctor_name,
        delivery,
        path_below,
        _raw_path,
        _row_number,
        _load_id,
        row_number() over (
            partition by patient_key, delivery
            order by path_below desc, _row_number desc
        ) = 1 as is_last_in_delivery
    from delivered

)

select * from ranked
