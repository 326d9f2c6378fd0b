{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['clinic', 'window_start_at'],
        on_schema_change='fail',
    )
}}

with claim as (

    select * from {{ ref('int_practice_claim__deduplicated') }}

),

diagnosis as (

    select * from {{ ref('int_practice_diagnosis__deduplicated') }}

),

patient as (

    select * from {{ ref('int_practice_patient__deduplicated') }}

),

patient_category as (

    select * from {{ ref('int_practice_patient_category__effective_from') }}

),

{% if is_incremental() %}

    changed_diagnosis as (

        -- a new first arrival of a diagnosis, the row whose place it takes, and all diagnoses of a patient who is new
        select
            clinic,
            patient_id,
            received_at
        from diagnosis
        where first_load_id > {{ watermark() }}
        union all
        select
            clinic,
            patient_id,
            timestamp '0001-01-01' as received_at
        from patient
        group by clinic, patient_id
        having min(_load_id) > {{ watermark() }}

    ),

    changed_patient as (

        -- claims from then on may count otherwise
        select
            clinic,
            patient_id,
            min(received_at) as changed_from_at
        from changed_diagnosis
        group by clinic, patient_id

    ),

    changed_window as (

        select
            clinic,
            window_start_at
        from claim
        where first_load_id > {{ watermark() }}
        union
        select
            claim.clinic,
            claim.window_start_at
        from claim
        inner join changed_patient
            on claim.clinic = changed_patient.clinic and claim.patient_id = changed_patient.patient_id
        where {{ minutes_after('claim.window_start_at', 10) }} > changed_patient.changed_from_at

    ),

{% endif %}

considered as (

    -- a repeat counts for no patient
    select
        claim.clinic,
        claim.window_start_at,
        claim.patient_id,
        claim.price_eur,
        case when claim.arrival_number = 1 then claim.patient_id end as counted_patient_id
    from claim
    {% if is_incremental() %}
        semi join changed_window
            on claim.clinic = changed_window.clinic and claim.window_start_at = changed_window.window_start_at
    {% endif %}

),

categorised as (

    -- A claim counts in a category when its patient had a diagnosis of it before the window's end: once, however many.
    -- What counts in none stays, so that a window that has lost its revenue is replaced too.
    select
        considered.*,
        patient_category.category
    from considered
    left join patient_category
        on
            considered.clinic = patient_category.clinic
            and considered.counted_patient_id = patient_category.patient_id
            and patient_category.effective_from_at < {{ minutes_after('considered.window_start_at', 10) }}

),

final as (

    select
        clinic,
        category,
        window_start_at,
        sum(price_eur) as revenue_eur,
        count(*) as claim_count,
        count(distinct patient_id) as patient_count,
        {{ seen_load_id([ref('int_practice_claim__deduplicated'), ref('int_practice_diagnosis__deduplicated')]) }}
            as seen_load_id,
        {{ rule_hash() }} as rule_hash
    from categorised
    group by clinic, category, window_start_at

)

select * from final
