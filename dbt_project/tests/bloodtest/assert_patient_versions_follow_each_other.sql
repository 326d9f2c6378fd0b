-- A returned row is a version of a patient that ends before it begins, or reaches into the next one.
with version as (

    select * from {{ ref('patient_history') }}

),

placed as (

    select
        patient_key,
        version_number,
        valid_from_delivery,
        valid_to_delivery,
        lead(valid_from_delivery) over (partition by patient_key order by valid_from_delivery) as next_delivery,
        row_number() over (partition by patient_key order by valid_from_delivery) as place
    from version

)

select *
from placed
where
    valid_to_delivery <= valid_from_delivery
    or coalesce(valid_to_delivery, next_delivery || '.') > next_delivery
    or version_number != place
