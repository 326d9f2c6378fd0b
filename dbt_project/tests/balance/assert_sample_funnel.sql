-- A returned row is an outcome of the seeded sample deliveries, loaded alone, that has another number of rows than was
-- reviewed in seeds/expected_funnel.csv, or that was not expected at all.
{{ config(enabled=var('check_sample_counts'), meta={'dagster': {'ref': {'name': 'funnel'}}}) }}

with funnel as (

    select * from {{ ref('funnel') }}

),

expected_funnel as (

    select * from {{ ref('expected_funnel') }}

),

different as (

    select
        expected_funnel.entity as expected_entity,
        expected_funnel.outcome as expected_outcome,
        expected_funnel.expected_row_count,
        funnel.entity,
        funnel.outcome,
        funnel.row_count
    from expected_funnel
    full outer join funnel
        on
            expected_funnel.entity = funnel.entity
            and expected_funnel.from_zone = funnel.from_zone
            and expected_funnel.outcome = funnel.outcome
    where expected_funnel.expected_row_count is distinct from funnel.row_count

)

select * from different
