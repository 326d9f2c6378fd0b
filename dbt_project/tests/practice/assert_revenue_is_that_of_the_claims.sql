-- A returned row is an office and category whose revenue over all windows is not what its claims and diagnoses say.
{{ config(meta={'dagster': {'ref': {'name': 'revenue_10min'}}}) }}

with claim as (

    select * from {{ ref('claim') }}

),

diagnosis as (

    select * from {{ ref('diagnosis') }}

),

revenue_category as (

    select * from {{ ref('revenue_category') }}

),

revenue as (

    select * from {{ ref('revenue_10min') }}

),

first_diagnosis as (

    select
        diagnosis.clinic,
        diagnosis.patient_id,
        revenue_category.category,
        min(diagnosis.received_at) as diagnosed_at
    from diagnosis
    inner join revenue_category on diagnosis.icd10_code = upper(revenue_category.icd10_code)
    group by
        diagnosis.clinic,
        diagnosis.patient_id,
        revenue_category.category

),

of_claims as (

    select
        claim.clinic,
        first_diagnosis.category,
        sum(claim.price_eur) as revenue_eur,
        count(*) as claim_count
    from claim
    inner join first_diagnosis
        on claim.clinic = first_diagnosis.clinic and claim.patient_id = first_diagnosis.patient_id
    where
        first_diagnosis.diagnosed_at
        < {{ minutes_after(time_bucket_minutes('claim.received_at', 10), 10) }}
    group by
        claim.clinic,
        first_diagnosis.category

),

of_windows as (

    select
        clinic,
        category,
        sum(revenue_eur) as revenue_eur,
        sum(claim_count) as claim_count
    from revenue
    group by
        clinic,
        category

),

different as (

    select
        coalesce(of_claims.clinic, of_windows.clinic) as clinic,
        coalesce(of_claims.category, of_windows.category) as category,
        of_claims.revenue_eur as revenue_of_claims_eur,
        of_windows.revenue_eur as revenue_of_windows_eur,
        of_claims.claim_count as claim_count_of_claims,
        of_windows.claim_count as claim_count_of_windows
    from of_claims
    full outer join of_windows on of_claims.clinic = of_windows.clinic and of_claims.category = of_windows.category
    where
        of_claims.revenue_eur is distinct from of_windows.revenue_eur
        or of_claims.claim_count is distinct from of_windows.claim_count

)

select * from different
