{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['clinic', 'patient_id', 'icd10_code'],
        on_schema_change='fail',
        pre_hook="{{ joins_as_written() }}",
        post_hook="{{ joins_as_planned() }}",
    )
}}

with diagnosis as {{ in_place() }} (

    select * from {{ ref('int_practice_diagnosis__deduplicated') }}

),

load as (

    select * from {{ ref('stg_catalog__load') }}

),

latest_load as (

    {{ latest_load_of('practice') }}

),

{% if is_incremental() %}

    dated as (

        select * from {{ this }}

    ),

    decided_since as (

        select
            diagnosis.clinic,
            diagnosis.patient_id,
            diagnosis.icd10_code,
            diagnosis.received_at,
            coalesce(diagnosis.arrival_number = 1, false) as is_standing
        from diagnosis
        where diagnosis.decision_number in ({{ decisions_since('decided_load_id') }})

    ),

    touched as (

        select distinct
            clinic,
            patient_id,
            icd10_code
        from decided_since

    ),

    known as (

        select dated.*
        from dated
        inner join touched
            on
                dated.clinic = touched.clinic
                and dated.patient_id = touched.patient_id
                and dated.icd10_code = touched.icd10_code

    ),

    undecided as (

        -- What does not stand, and came no later than the first that is known, may have been it: that is sought again.
        -- In nearly every build there is none.
        select distinct
            known.clinic,
            known.patient_id,
            known.icd10_code
        from known
        inner join decided_since
            on
                known.clinic = decided_since.clinic
                and known.patient_id = decided_since.patient_id
                and known.icd10_code = decided_since.icd10_code
        where not decided_since.is_standing and decided_since.received_at <= known.first_received_at

    ),

    considered as (

        select
            clinic,
            patient_id,
            icd10_code,
            received_at
        from decided_since
        where is_standing

        union all

        select
            known.clinic,
            known.patient_id,
            known.icd10_code,
            known.first_received_at as received_at
        from known
        left join undecided
            on
                known.clinic = undecided.clinic
                and known.patient_id = undecided.patient_id
                and known.icd10_code = undecided.icd10_code
        where undecided.clinic is null and known.first_received_at is not null

        union all

        select
            diagnosis.clinic,
            diagnosis.patient_id,
            diagnosis.icd10_code,
            diagnosis.received_at
        from diagnosis
        inner join undecided
            on
                diagnosis.clinic = undecided.clinic
                and diagnosis.patient_id = undecided.patient_id
                and diagnosis.icd10_code = undecided.icd10_code
        where diagnosis.arrival_number = 1

    ),

{% else %}

    considered as (

        select * from diagnosis
        where arrival_number = 1

    ),

{% endif %}

first_diagnosis as (

    select
        clinic,
        patient_id,
        icd10_code,
        min(received_at) as first_received_at
    from considered
    group by
        clinic,
        patient_id,
        icd10_code

),

decided as (

    {% if is_incremental() %}

        -- also codes that a patient has no more
        select
            touched.clinic,
            touched.patient_id,
            touched.icd10_code,
            first_diagnosis.first_received_at
        from touched
        left join first_diagnosis
            on
                touched.clinic = first_diagnosis.clinic
                and touched.patient_id = first_diagnosis.patient_id
                and touched.icd10_code = first_diagnosis.icd10_code

    {% else %}

        select * from first_diagnosis

    {% endif %}

),

described as (

    select
        decided.clinic,
        decided.patient_id,
        decided.icd10_code,
        decided.first_received_at,
        latest_load.load_id as decided_load_id
    from decided
    cross join latest_load

)

select * from described
