with run as (

    select * from {{ ref('int_ecg_run__header_with_signal') }}

),

one_row_per_feature as (

    select
        run_key,
        {{ unnest_list('general_feature_names') }} as feature,
        {{ unnest_list('general_feature_values') }} as value -- noqa: RF04
    from run

)

select * from one_row_per_feature
