with similarity as (

    select * from {{ source('raw', 'ecg_run_similarity') }}

),

final as (

    -- the table has each pair once, in no particular order; joins need it from both sides
    select
        _raw_path as raw_path,
        other_raw_path,
        correlation,
        _load_id
    from similarity

    union all

    select
        other_raw_path as raw_path,
        _raw_path as other_raw_path,
        correlation,
        _load_id
    from similarity

)

select * from final
