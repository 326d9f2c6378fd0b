with feature as (

    select * from {{ source('raw', 'ecg_run_feature') }}

),

final as (

    select
        clinic || ':' || subject || ':' || run as run_key,
        template_mv,
        _raw_path,
        _load_id
    from feature
    where is_usable

)

select * from final
