with run as (

    select * from {{ ref('int_ecg_run__header_with_signal') }}

),

indexed as (

    select
        run_key,
        general_feature_names,
        general_feature_values,
        {{ list_positions('general_feature_names') }} as feature_index
    from run

),

final as (

    select
        run_key,
        {{ list_element('general_feature_names', 'feature_index') }} as feature,
        {{ list_element('general_feature_values', 'feature_index') }} as value -- noqa: RF04
    from indexed

)

select * from final
