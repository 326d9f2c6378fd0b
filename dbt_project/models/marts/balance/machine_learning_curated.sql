with pair as (

    select * from {{ ref('int_balance_reading__joined') }}

),

curated as (

    select
        participant_key,
        measured_at,
        x,
        y,
        z,
        distance_from_object_cm,
        {{ seen_load_id(parents=[ref('int_balance_reading__joined')]) }} as seen_load_id
    from pair
    where not is_ambiguous

)

select * from curated
