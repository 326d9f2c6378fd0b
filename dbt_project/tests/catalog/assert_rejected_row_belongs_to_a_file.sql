-- A returned row is a rejected row of a file that the catalog does not know, so that nobody could say where it came from.
{{ config(meta={'dagster': {'ref': {'name': 'stg_catalog__file'}}}) }}

with rejected_row as (

    select * from {{ source('catalog', 'rejected_row') }}

),

file as (

    select * from {{ ref('stg_catalog__file') }}

),

orphaned as (

    select
        rejected_row.raw_path,
        rejected_row.line_number
    from rejected_row
    left join file on rejected_row.raw_path = file.raw_path
    where file.raw_path is null

)

select * from orphaned
