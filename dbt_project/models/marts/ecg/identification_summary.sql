with rate as (

    select * from {{ ref('int_ecg_protocol__identification_rates') }}

),

final as (

    select
        clinic,
        protocol,
        asked_run_count,
        asked_subject_count,
        gallery_subject_count,
        rank1_pct,
        rank1_low_pct,
        rank1_high_pct,
        rank5_pct,
        rank5_low_pct,
        rank5_high_pct,
        eer_pct,
        eer_low_pct,
        eer_high_pct,
        transform_version
    from rate

)

select * from final
