{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['clinic', 'category', 'window_start_at'],
        on_schema_change='fail',
        pre_hook="{{ joins_as_written() if is_incremental() }}",
        post_hook=["delete from {{ this }} where claim_count = 0", "{{ joins_as_planned() }}"],
    )
}}

with claim as {{ in_place() }} (

    select * from {{ ref('int_practice_claim__deduplicated') }}

),

patient_category as (

    select * from {{ ref('int_practice_patient_category__dated') }}

),

load as (

    select * from {{ ref('stg_catalog__load') }}

),

latest_load as (

    {{ latest_load_of('practice') }}

),

{% if is_incremental() %}

    revenue as (

        select * from {{ this }}

    ),

    moved_patient as (

        select
            patient_category.clinic,
            patient_category.patient_id,
            min(patient_category.earliest_counts_from_at) as earliest_counts_from_at
        from patient_category
        where patient_category.decision_number in ({{ decisions_since('load_id') }})
        group by
            patient_category.clinic,
            patient_category.patient_id

    ),

    touched as (

        -- windows of claims that came, went, or gave way to an earlier arrival of their id
        select
            claim.clinic,
            claim.window_start_at
        from claim
        where claim.decision_number in ({{ decisions_since('load_id') }})

        union

        -- every window that a patient's claims began, or ceased, to count in
        select
            claim.clinic,
            claim.window_start_at
        from claim
        inner join moved_patient on claim.clinic = moved_patient.clinic and claim.patient_id = moved_patient.patient_id
        where {{ minutes_after('claim.window_start_at', 10) }} > moved_patient.earliest_counts_from_at

    ),

    considered as (

        select claim.*
        from claim
        inner join touched on claim.clinic = touched.clinic and claim.window_start_at = touched.window_start_at

    ),

{% else %}

    considered as (

        select * from claim

    ),

{% endif %}

categorised as (

    -- A claim counts in a category when its patient had a diagnosis of it before the window's end: once, however many.
    select
        considered.clinic,
        patient_category.category,
        considered.window_start_at,
        considered.patient_id,
        considered.price_eur
    from patient_category
    inner join considered
        on patient_category.clinic = considered.clinic and patient_category.patient_id = considered.patient_id
    where
        considered.arrival_number = 1
        and patient_category.counts_from_at < {{ minutes_after('considered.window_start_at', 10) }}

),

summed as (

    select
        clinic,
        category,
        window_start_at,
        sum(price_eur) as revenue_eur,
        count(*) as claim_count,
        count(distinct patient_id) as patient_count
    from categorised
    group by
        clinic,
        category,
        window_start_at

),

{% if is_incremental() %}

    emptied as (

        -- windows that have no revenue any more: replaced by a row of none, which the post-hook removes
        select
            revenue.clinic,
            revenue.category,
            revenue.window_start_at,
            0 as revenue_eur,
            0 as claim_count,
            0 as patient_count
        from revenue
        inner join touched on revenue.clinic = touched.clinic and revenue.window_start_at = touched.window_start_at
        left join summed
            on
                revenue.clinic = summed.clinic
                and revenue.category = summed.category
                and revenue.window_start_at = summed.window_start_at
        where summed.clinic is null

    ),

{% endif %}

decided as (

    select * from summed

    {% if is_incremental() %}

        union all

        select * from emptied

    {% endif %}

),

described as (

    select
        -- the window
        decided.clinic,
        decided.category,
        decided.window_start_at,
        {{ minutes_after('decided.window_start_at', 10) }} as window_end_at,
        -- measures
        cast(decided.revenue_eur as decimal(38, 2)) as revenue_eur,
        decided.claim_count,
        decided.patient_count,
        -- lineage
        latest_load.load_id
    from decided
    cross join latest_load

)

select * from described
