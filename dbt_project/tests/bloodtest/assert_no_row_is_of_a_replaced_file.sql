-- A returned row is a file that tests were loaded from and that has since been loaded anew or removed: its tests are
-- outdated.
{{ config(meta={'dagster': {'ref': {'name': 'bloodtest'}}}) }}

select
    loaded_raw_path,
    load_id
from {{ ref('bloodtest') }}

except

select
    raw_path as loaded_raw_path,
    load_id
from {{ ref('stg_catalog__loaded_file') }}
