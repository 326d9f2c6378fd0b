with source as (

    select * from {{ source('raw', 'bloodtest_log') }}

),

final as (

    select
        -- ids
        {{ surrogate_key([
            'clinic',
            'patient_id',
            'lab_id',
            timestamp_to_epoch_ms('date'),
            'ap_hi',
            'ap_lo',
            'cholesterol',
            'gluc',
            'smoke',
            'alco',
            'active',
            'cardio',
        ]) }} as test_key,
        {{ member_key('clinic', 'lab_id') }} as lab_key,
        clinic,
        patient_id,
        lab_id,
        -- times and places
        date as tested_at,
        lab_name,
        city,
        -- measures
        ap_hi as systolic_mmhg,
        ap_lo as diastolic_mmhg,
        cholesterol as cholesterol_level,
        gluc as glucose_level,
        smoke,
        alco,
        active,
        cardio,
        -- lineage
        _raw_path,
        _row_number,
        _load_id
    from source

)

select * from final
