-- A returned row is a lab that is delivered under several names; it was renamed, or a name is wrong.
{{ config(severity='warn') }}

select
    lab_key,
    name_variants
from {{ ref('lab') }}
where name_variant_count > 1
