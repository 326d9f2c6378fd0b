with run as (

    select * from {{ ref('int_ecg_run__paired') }}

),

one_row_per_feature as (

    select
        run_key,
        {{ list_to_rows('general_feature_names') }} as feature,
        {{ list_to_rows('general_feature_values') }} as value -- noqa: RF04
    from run

)

select * from one_row_per_feature
