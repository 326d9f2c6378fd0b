with run as (

    select * from {{ ref('int_ecg_run__usable') }}

),

template as (

    select * from {{ ref('stg_ecg__run_template') }}

),

final as (

    -- the template that was made of the very signal that counts, by the transform that counts
    select
        run.run_key,
        run.subject_key,
        run.clinic,
        run.run_number,
        run.recorded_on,
        run.transform_version,
        template.template_mv
    from run
    inner join template
        on
            run.signal_loaded_raw_path = template._raw_path
            and run.transform_load_id = template._load_id
    where template.template_mv is not null

)

select * from final
