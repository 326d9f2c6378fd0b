with source as (

    select * from {{ source('raw', 'bloodtest_log') }}

),

decoded as (

    select
        -- ids
        clinic,
        patient_id,
        lab_id,
        -- when and where
        date as tested_at,
        lab_name,
        city,
        -- what was measured
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

),

final as (

    select
        *,
        {{ surrogate_key([
            'clinic',
            'patient_id',
            'lab_id',
            timestamp_to_epoch_ms('tested_at'),
            'systolic_mmhg',
            'diastolic_mmhg',
            'cholesterol_level',
            'glucose_level',
            'smoke',
            'alco',
            'active',
            'cardio',
        ]) }} as test_key,
        {{ member_key('clinic', 'lab_id') }} as lab_key
    from decoded

)

select * from final
