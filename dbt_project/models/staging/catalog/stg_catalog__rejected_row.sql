with source as (

    select * from {{ source('catalog', 'rejected_row') }}

),

final as (

    -- the text of the row is personal data: it stays where the loader wrote it
    select
        raw_path,
        line_number,
        reason,
        load_id
    from source

)

select * from final
