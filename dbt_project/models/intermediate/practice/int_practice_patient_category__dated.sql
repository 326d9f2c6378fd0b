{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['clinic', 'patient_id', 'category'],
        on_schema_change='fail',
        pre_hook="{{ joins_as_written() }}",
        post_hook="{{ joins_as_planned() }}",
    )
}}

with patient_code as (

    select * from {{ ref('int_practice_patient_code__dated') }}

),

revenue_category as (

    select * from {{ ref('revenue_category') }}

),

patient as (

    select * from {{ ref('int_practice_patient__deduplicated') }}

),

load as (

    select * from {{ ref('stg_catalog__load') }}

),

latest_load as (

    {{ latest_load_of('practice') }}

),

known_patient as (

    select
        clinic,
        patient_id
    from patient
    where arrival_number = 1

),

current_state as (

    -- nobody counts whom the office has not named
    select
        patient_code.clinic,
        patient_code.patient_id,
        revenue_category.category,
        min(patient_code.first_received_at) as counts_from_at
    from patient_code
    inner join revenue_category on patient_code.icd10_code = upper(revenue_category.icd10_code)
    inner join known_patient
        on patient_code.clinic = known_patient.clinic and patient_code.patient_id = known_patient.patient_id
    where patient_code.first_received_at is not null
    group by
        patient_code.clinic,
        patient_code.patient_id,
        revenue_category.category

),

{% if is_incremental() %}

    dated as (

        select * from {{ this }}

    ),

    decided as (

        -- whatever changed it: a diagnosis, a patient who came or went, another mapping of codes to categories
        select
            coalesce(current_state.clinic, dated.clinic) as clinic,
            coalesce(current_state.patient_id, dated.patient_id) as patient_id,
            coalesce(current_state.category, dated.category) as category,
            current_state.counts_from_at,
            least(current_state.counts_from_at, dated.earliest_counts_from_at) as earliest_counts_from_at
        from current_state
        full outer join dated
            on
                current_state.clinic = dated.clinic
                and current_state.patient_id = dated.patient_id
                and current_state.category = dated.category
        where current_state.counts_from_at is distinct from dated.counts_from_at

    ),

{% else %}

    decided as (

        select
            *,
            counts_from_at as earliest_counts_from_at
        from current_state

    ),

{% endif %}

described as (

    select
        decided.clinic,
        decided.patient_id,
        decided.category,
        decided.counts_from_at,
        decided.earliest_counts_from_at,
        {{ decision_number() }} as decision_number
    from decided
    cross join latest_load

)

select * from described
