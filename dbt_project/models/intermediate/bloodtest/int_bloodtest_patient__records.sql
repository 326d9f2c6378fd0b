with patient as (

    select * from {{ ref('stg_bloodtest__patient') }}

),

patient_file as (

    select * from {{ ref('stg_bloodtest__patient_file') }}

),

final as (

    -- a file that was delivered again, byte for byte, is loaded once: its records belong to each of its deliveries
    select
        patient.*,
        patient_file.delivery,
        patient_file.path_below,
        patient_file.drops_absent
    from patient
    inner join patient_file
        on patient._load_id = patient_file.load_id and patient._raw_path = patient_file.loaded_raw_path

)

select * from final
