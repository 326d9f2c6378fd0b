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

    select * from {{ ref('int_practice_diagnosis__numbered') }}

),

load as (

    select * from {{ ref('stg_catalog__load') }}

),

latest_load as (

    select coalesce(max(load_id), 0) as load_id
    from load
    where measurement = 'practice'

),

{% if is_incremental() %}

    dated as (

        select * from {{ this }}

    ),

    watermark as (

        select coalesce(max(decided_load_id), 0) as load_id
        from dated

    ),

    touched as (

        select distinct
            diagnosis.clinic,
            diagnosis.patient_id
        from diagnosis
        where diagnosis.decision_number in ({{ decisions_since('watermark', 'load') }})

    ),

    considered as (

        select diagnosis.*
        from diagnosis
        inner join touched on diagnosis.clinic = touched.clinic and diagnosis.patient_id = touched.patient_id

    ),

{% else %}

    considered as (

        select * from diagnosis

    ),

{% endif %}

first_diagnosis as (

    select
        clinic,
        patient_id,
        icd10_code,
        min(received_at) as first_received_at
    from considered
    where arrival_number = 1
    group by
        clinic,
        patient_id,
        icd10_code

),

{% if is_incremental() %}

    withdrawn as (

        -- codes that a patient had, and has no more
        select
            dated.clinic,
            dated.patient_id,
            dated.icd10_code,
            cast(null as timestamp) as first_received_at
        from dated
        inner join touched on dated.clinic = touched.clinic and dated.patient_id = touched.patient_id
        left join first_diagnosis
            on
                dated.clinic = first_diagnosis.clinic
                and dated.patient_id = first_diagnosis.patient_id
                and dated.icd10_code = first_diagnosis.icd10_code
        where first_diagnosis.clinic is null

    ),

{% endif %}

decided as (

    select * from first_diagnosis

    {% if is_incremental() %}

        union all

        select * from withdrawn

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
