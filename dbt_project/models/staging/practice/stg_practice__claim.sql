with source as (

    select * from {{ source('raw', 'practice_claim') }}

),

final as (

    select
        -- ids mean something within a clinic only
        clinic,
        id as claim_id,
        patient_id,
        -- measures
        code as claim_code,
        price as price_eur,
        -- times
        received_at,
        -- lineage
        _raw_path,
        _row_number,
        _load_id
    from source

)

select * from final
