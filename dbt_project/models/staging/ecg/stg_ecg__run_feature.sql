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
        -- what the signal was read with
        feature.sampling_rate_hz,
        case when lower(trim(feature.units)) = 'mv' then 'mV' else 'uV' end as unit,
        -- measures
        feature.sample_count,
        feature.duration_s,
        feature.raw_min_mv,
        feature.raw_max_mv,
        feature.filtered_min_mv,
        feature.filtered_max_mv,
        feature.mains_frequency_hz,
        feature.flat_start_sample_count,
        feature.interpolated_sample_count,
        feature.artefact_sample_count,
        feature.longest_gap_ms,
        feature.constant_sample_count,
        feature.clipped_sample_count,
        feature.is_inverted,
        feature.beat_count,
        feature.ectopic_beat_count,
        feature.misdetected_beat_count,
        feature.nn_interval_count,
        feature.heart_rate_bpm,
        feature.mean_nn_ms,
        feature.sdnn_ms,
        feature.rmssd_ms,
        feature.sdsd_ms,
        feature.pnn50_pct,
        feature.r_amplitude_mv,
        feature.qrs_duration_ms,
        feature.pr_interval_ms,
        feature.qt_interval_ms,
        feature.qtc_bazett_ms,
        feature.qtc_fridericia_ms,
        feature.rt_interval_ms,
        feature.p_onset_ms,
        feature.p_peak_ms,
        feature.p_end_ms,
        feature.qrs_onset_ms,
        feature.r_wave_ms,
        feature.qrs_end_ms,
        feature.t_onset_ms,
        feature.t_peak_ms,
        feature.t_end_ms,
        feature.p_amplitude_mv,
        feature.q_amplitude_mv,
        feature.r_wave_amplitude_mv,
        feature.s_amplitude_mv,
        feature.t_amplitude_mv,
        feature.st_level_mv,
        feature.signal_quality,
        feature.quality_index,
        feature.min_quality_index,
        feature.window_quality,
        feature.general_feature_names,
        feature.general_feature_values,
        feature.is_usable,
        feature.unusable_reason,
        -- where the signal lies, and what it is
        feature.signal_sha256,
        feature.signal_path,
        feature.transform_version,
        -- when it came
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

latest_delivery as (

    -- as in stg_ecg__run_header
    select
        *,
        min(first_delivery) over (partition by run_key) as first_delivery_of_run,
        count(*) over (partition by run_key, last_delivery) > 1 as has_conflicting_file
    from renamed
    qualify row_number() over (partition by run_key order by last_delivery desc, path_below asc) = 1

)

select * from latest_delivery
