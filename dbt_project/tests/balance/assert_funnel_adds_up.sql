-- A returned row is a zone whose rows are not all accounted for: more or fewer were kept or dropped on the way to the
-- next zone than had reached it.
with funnel as (

    select * from {{ ref('funnel') }}

),

reached as (

    select
        entity,
        to_zone as zone_name,
        row_count
    from funnel
    where is_kept and to_zone != 'curated'

),

shared_out as (

    select
        entity,
        from_zone as zone_name,
        sum(row_count) as row_count
    from funnel
    where from_zone != 'lake'
    group by entity, from_zone

),

different as (

    select
        reached.entity,
        reached.zone_name,
        reached.row_count as reached_row_count,
        shared_out.row_count as shared_out_row_count
    from reached
    full outer join shared_out on reached.entity = shared_out.entity and reached.zone_name = shared_out.zone_name
    where reached.row_count is distinct from shared_out.row_count

)

select * from different
