with feature as (

    select * from {{ source('raw', 'ecg_run_feature') }}

),

delivered_content as (

    select * from {{ source('catalog', 'delivered_content') }}

),

renamed as (

    select
        -- ids
        feature.clinic || ':' || feature.subject || ':' || feature.run as run_key,
        -- header with which the signal was read
        feature.sampling_rate_hz,
        case when lower(trim(feature.units)) = 'mv' then 'mV' else 'uV' end as unit,
        -- measures
        feature.sample_count,
        feature.duration_s,
        {{ ecg_features('feature') }},
        feature.window_quality,
        feature.template_mv,
        feature.general_feature_names,
        feature.general_feature_values,
        feature.is_usable,
        feature.unusable_reason,
        -- signal
        feature.signal_sha256,
        feature.signal_path,
        feature.transform_version,
        -- times
        delivered_content.path_below,
        delivered_content.first_delivery,
        delivered_content.last_delivery,
        delivered_content.delivery_count,
        -- lineage
        feature._raw_path,
        feature._row_number,
        feature._load_id
    from feature
    inner join delivered_content on feature._raw_path = delivered_content.raw_path

),

final as (

    -- the same rule as in stg_ecg__run_header
    select
        *,
        min(first_delivery) over (partition by run_key) as first_delivery_of_run,
        count(*) over (partition by run_key, last_delivery) > 1 as has_conflicting_file
    from renamed
    qualify row_number() over (partition by run_key order by last_delivery desc, path_below asc) = 1

)

select * from final
