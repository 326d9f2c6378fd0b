with header as (

    select * from {{ ref('stg_ecg__run_header') }}

),

feature as (

    select * from {{ ref('stg_ecg__run_feature') }}

),

final as (

    -- a run is its latest header with its latest signal, also when they came in different deliveries
    select
        header.run_key,
        header.subject_key,
        header.clinic,
        header.subject,
        header.run_number,
        header.recorded_on,
        header.age_years,
        header.is_age_plausible,
        header.sex,
        feature.sampling_rate_hz,
        (header.sampling_rate_hz, header.unit) = (feature.sampling_rate_hz, feature.unit) as is_read_with_its_header,
        feature.sample_count,
        feature.duration_s,
        {{ ecg_features('feature') }},
        feature.window_quality,
        feature.template_mv,
        feature.general_feature_names,
        feature.general_feature_values,
        feature.is_usable,
        feature.unusable_reason,
        greatest(header.first_delivery_of_run, feature.first_delivery_of_run) as first_delivery,
        greatest(header.last_delivery, feature.last_delivery) as last_delivery,
        header.has_conflicting_file or feature.has_conflicting_file as has_conflicting_file,
        feature.first_delivery as signal_first_delivery,
        header.delivery_count as header_delivery_count,
        feature.delivery_count as signal_delivery_count,
        {{ raw_path_in('header.clinic', 'ecg', 'header.last_delivery', 'header.path_below') }} as header_raw_path,
        {{ raw_path_in('header.clinic', 'ecg', 'feature.last_delivery', 'feature.path_below') }} as signal_raw_path,
        header._raw_path as header_loaded_raw_path,
        feature._raw_path as signal_loaded_raw_path,
        feature._load_id as transform_load_id,
        feature.signal_sha256,
        feature.signal_path,
        feature.transform_version
    from header
    inner join feature on header.run_key = feature.run_key

)

select * from final
