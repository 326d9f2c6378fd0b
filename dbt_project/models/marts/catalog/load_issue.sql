with file as (

    select * from {{ ref('stg_catalog__file') }}

),

rejected_row as (

    select * from {{ ref('stg_catalog__rejected_row') }}

),

refused_row as (

    select
        'row refused' as kind,
        file.measurement,
        file.clinic,
        file.delivery,
        file.entity,
        rejected_row.raw_path,
        rejected_row.line_number,
        rejected_row.reason
    from rejected_row
    inner join file on rejected_row.raw_path = file.raw_path

),

refused_file as (

    -- where every row of a file was refused, the rows say so already
    select
        case file.status when 'waiting' then 'file waits' else 'file refused' end as kind,
        file.measurement,
        file.clinic,
        file.delivery,
        file.entity,
        file.raw_path,
        null::bigint as line_number,
        file.reason
    from file
    anti join rejected_row on file.raw_path = rejected_row.raw_path
    where file.status in ('rejected', 'waiting') and file.reason is not null

),

refused as (

    select * from refused_row
    union all
    select * from refused_file

),

redacted as (

    select
        *,
        {{ redact_values('reason') }} as problem
    from refused

),

final as (

    select
        measurement,
        clinic,
        delivery,
        entity,
        kind,
        problem,
        count(distinct raw_path) as file_count,
        count(*) filter (where kind = 'row refused') as row_count,
        min(raw_path) as example_raw_path,
        min_by(line_number, (raw_path, line_number)) as example_line_number
    from redacted
    group by measurement, clinic, delivery, entity, kind, problem

)

select * from final
