with patient as (

    select * from {{ source('raw', 'practice_patient') }}

),

delivered_content as (

    select * from {{ source('catalog', 'delivered_content') }}

),

final as (

    select
        -- ids mean something within a clinic only
        patient.clinic,
        patient.id as patient_id,
        -- attributes
        patient.phone_number,
        patient.first_name,
        patient.last_name,
        -- times
        delivered_content.first_delivery,
        -- lineage
        patient._raw_path,
        patient._row_number,
        patient._load_id
    from patient
    inner join delivered_content on patient._raw_path = delivered_content.raw_path

)

select * from final
