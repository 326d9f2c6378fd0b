with beat as (

    select * from {{ ref('stg_ecg__beat') }}

),

run_metadata as (

    select * from {{ ref('run_metadata') }}

),

final as (

    -- the Parquet files also hold beats of signals that a later delivery or computation has replaced
    select
        beat.run_key,
        beat.beat_index,
        beat.time_s,
        beat.rr_ms,
        beat.is_normal,
        beat.is_ectopic,
        beat.is_misdetected,
        beat.correlation,
        beat.p_onset_ms,
        beat.p_peak_ms,
        beat.p_end_ms,
        beat.qrs_onset_ms,
        beat.qrs_end_ms,
        beat.t_onset_ms,
        beat.t_peak_ms,
        beat.t_end_ms,
        beat.pr_interval_ms,
        beat.qrs_duration_ms,
        beat.qt_interval_ms,
        beat.p_amplitude_mv,
        beat.r_amplitude_mv,
        beat.t_amplitude_mv,
        beat.st_level_mv
    from beat
    inner join run_metadata
        on
            beat.run_key = run_metadata.run_key
            and beat.raw_path = run_metadata.loaded_raw_path
            and beat.load_id = run_metadata.transform_load_id

)

select * from final
