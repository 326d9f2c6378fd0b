-- A returned row is a file that tests were taken from, and that was since loaded anew, refused, or found to be a
-- duplicate: its tests would be those of before.
{{ config(meta={'dagster': {'ref': {'name': 'bloodtest'}}}) }}

with row_file as (

    select distinct
        loaded_raw_path,
        load_id
    from {{ ref('bloodtest') }}

)

select * from row_file
where not {{ is_of_loaded_file('row_file.loaded_raw_path', 'row_file.load_id') }}
