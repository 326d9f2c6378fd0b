with template as (

    select * from {{ source('raw', 'ecg_run_template') }}

),

renamed as (

    select
        clinic || ':' || subject || ':' || run as run_key,
        template_mv,
        template_version,
        _raw_path,
        _load_id
    from template

)

select * from renamed
