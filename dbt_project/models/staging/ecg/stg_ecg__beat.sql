-- The beats lie in Parquet files that the same step writes as raw.ecg_run_feature.
-- depends_on: {{ source('raw', 'ecg_run_feature') }}
with beat as (

    select * from {{ read_beat_parquet() }}

),

final as (

    select
        run_key,
        raw_path,
        load_id,
        beat_index,
        time_s,
        rr_ms,
        is_normal,
        is_ectopic,
        is_misdetected,
        correlation,
        p_onset_ms,
        p_peak_ms,
        p_end_ms,
        qrs_onset_ms,
        qrs_end_ms,
        t_onset_ms,
        t_peak_ms,
        t_end_ms,
        pr_interval_ms,
        qrs_duration_ms,
        qt_interval_ms,
        p_amplitude_mv,
        r_amplitude_mv,
        t_amplitude_mv,
        st_level_mv
    from beat

)

select * from final
