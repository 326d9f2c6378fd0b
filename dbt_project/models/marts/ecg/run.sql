with run as (

    select * from {{ ref('int_ecg_run__header_with_signal') }}

),

comparison as (

    select * from {{ ref('int_ecg_run__duplicates') }}

),

described as (

    select
        -- ids
        run.run_key,
        run.subject_key,
        run.clinic,
        run.subject,
        run.run_number,
        -- the recording
        run.recorded_on,
        run.age_years,
        run.is_age_plausible,
        run.sex,
        run.sampling_rate_hz,
        run.sample_count,
        run.duration_s,
        -- measures
        run.raw_min_mv,
        run.raw_max_mv,
        run.filtered_min_mv,
        run.filtered_max_mv,
        run.mains_frequency_hz,
        run.flat_start_sample_count,
        run.interpolated_sample_count,
        run.artefact_sample_count,
        run.longest_gap_ms,
        run.constant_sample_count,
        run.clipped_sample_count,
        run.is_inverted,
        run.beat_count,
        run.ectopic_beat_count,
        run.misdetected_beat_count,
        run.nn_interval_count,
        run.heart_rate_bpm,
        run.mean_nn_ms,
        run.sdnn_ms,
        run.rmssd_ms,
        run.sdsd_ms,
        run.pnn50_pct,
        run.r_amplitude_mv,
        run.qrs_duration_ms,
        run.pr_interval_ms,
        run.qt_interval_ms,
        run.qtc_bazett_ms,
        run.qtc_fridericia_ms,
        run.rt_interval_ms,
        run.p_onset_ms,
        run.p_peak_ms,
        run.p_end_ms,
        run.qrs_onset_ms,
        run.r_wave_ms,
        run.qrs_end_ms,
        run.t_onset_ms,
        run.t_peak_ms,
        run.t_end_ms,
        run.p_amplitude_mv,
        run.q_amplitude_mv,
        run.r_wave_amplitude_mv,
        run.s_amplitude_mv,
        run.t_amplitude_mv,
        run.st_level_mv,
        run.signal_quality,
        run.quality_index,
        run.min_quality_index,
        -- judgement
        run.is_usable,
        run.unusable_reason,
        run.has_conflicting_file,
        comparison.duplicate_of_run_key,
        comparison.near_duplicate_of_run_key,
        -- where it came from and where it lies
        run.first_delivery as delivery,
        run.last_delivery,
        run.header_raw_path,
        run.signal_raw_path,
        run.signal_path,
        run.transform_version
    from run
    inner join comparison on run.run_key = comparison.run_key

)

select * from described
