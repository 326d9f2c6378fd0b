{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key=['clinic', 'window_start_at']) }}
{% set claim, diagnosis = ref('int_practice_claim__deduplicated'), ref('int_practice_diagnosis__deduplicated') %}
{% set seen_before = watermark() %}

with
{% if seen_before %}
    changed_patient as (

        -- windows of a patient may change from that of a new or replaced diagnosis on; all do if the patient is new
        select
            clinic,
            patient_id,
            window_start_at
        from {{ diagnosis }}
        where first_load_id > {{ seen_before }}
        union all
        select
            clinic,
            patient_id,
            timestamp '0001-01-01' as window_start_at
        from {{ ref('int_practice_patient__deduplicated') }}
        where arrival_number = 1 and _load_id > {{ seen_before }}

    ),

    changed_window as ( -- noqa: ST03

        select
            clinic,
            window_start_at
        from {{ claim }}
        where first_load_id > {{ seen_before }}
        union
        select
            claim.clinic,
            claim.window_start_at
        from {{ claim }} as claim
        inner join changed_patient as changed on claim.clinic = changed.clinic and claim.patient_id = changed.patient_id
        where claim.window_start_at >= changed.window_start_at

    ),
{% endif %}

counted_claim as (

    -- a repeat counts for no patient
    select
        claim.clinic,
        claim.window_start_at,
        claim.patient_id,
        claim.price_eur,
        case when claim.arrival_number = 1 then claim.patient_id end as counted_patient_id
    from {{ claim }} as claim
    {% if seen_before %}
        inner join changed_window
            on claim.clinic = changed_window.clinic and claim.window_start_at = changed_window.window_start_at
    {% endif %}

),

{% if seen_before %}
    counted_patient as ( -- noqa: ST03

        -- joined, not looked up with `in`: the engine then reads only the diagnoses that can match
        select distinct
            clinic,
            counted_patient_id as patient_id
        from counted_claim

    ),
{% endif %}

patient_category as (

    -- claims of a patient who is in no list of the office count in no category
    select
        diagnosis.clinic,
        diagnosis.patient_id,
        category.category,
        min(diagnosis.window_start_at) as first_window_start_at
    from {{ diagnosis }} as diagnosis
    inner join {{ ref('int_practice_patient__deduplicated') }} as patient
        on diagnosis.clinic = patient.clinic and diagnosis.patient_id = patient.patient_id
    inner join {{ ref('revenue_category') }} as category on diagnosis.icd10_code = upper(category.icd10_code)
    {% if seen_before %}
        inner join counted_patient
            on diagnosis.clinic = counted_patient.clinic and diagnosis.patient_id = counted_patient.patient_id
    {% endif %}
    where
        diagnosis.arrival_number = 1
        and patient.arrival_number = 1
    group by diagnosis.clinic, diagnosis.patient_id, category.category

),

final as (

    -- A claim counts in a category when its patient had a diagnosis of it before the window's end: once, however many.
    -- Claims without a category keep a row, so that a window that has lost its revenue is replaced too.
    select
        claim.clinic,
        patient_category.category,
        claim.window_start_at,
        sum(claim.price_eur) as revenue_eur,
        count(*) as claim_count,
        count(distinct claim.patient_id) as patient_count,
        {{ seen_load_id([claim, diagnosis]) }} as seen_load_id,
        {{ rule_hash() }} as rule_hash
    from counted_claim as claim
    left join patient_category
        on
            claim.clinic = patient_category.clinic
            and claim.counted_patient_id = patient_category.patient_id
            and claim.window_start_at >= patient_category.first_window_start_at
    group by claim.clinic, patient_category.category, claim.window_start_at

)

select * from final
