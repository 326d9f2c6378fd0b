with variability as (

    select * from {{ ref('int_ecg_feature__variance_components') }}

),

final as (

    select
        feature,
        unit,
        subject_count,
        run_count,
        between_subject_variance,
        within_subject_variance,
        icc,
        icc_low,
        icc_high,
        same_day_subject_count,
        same_day_run_count,
        same_day_between_subject_variance,
        same_day_within_subject_variance,
        same_day_icc,
        same_day_icc_low,
        same_day_icc_high,
        later_day_subject_count,
        later_day_run_count,
        later_day_between_subject_variance,
        later_day_within_subject_variance,
        later_day_icc,
        later_day_icc_low,
        later_day_icc_high,
        heart_rate_slope,
        heart_rate_correlation,
        equal_heart_rate_icc,
        equal_heart_rate_icc_low,
        equal_heart_rate_icc_high
    from variability

)

select * from final
