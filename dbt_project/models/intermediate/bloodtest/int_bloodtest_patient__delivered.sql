with patient as (

    select * from {{ ref('stg_bloodtest__patient') }}

),

patient_file as (

    select * from {{ ref('int_bloodtest_patient_file__delivered') }}

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
        *,
        row_number() over (
            partition by patient_key, delivery
            order by path_below desc, _row_number desc
        ) = 1 as is_last_in_delivery
    from delivered

)

select * from ranked
