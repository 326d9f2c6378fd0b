-- A returned row is a case of severity error in seeds/quality_expectation.csv whose query gives another answer.
-- depends_on: {{ ref('bloodtest') }}, {{ ref('patient') }}, {{ ref('patient_history') }}, {{ ref('doctor') }}
-- depends_on: {{ ref('lab') }}, {{ ref('patient_watchlist') }}
{{
    config(
        severity='error',
        meta={'dagster': {'ref': {'name': 'bloodtest'}}},
    )
}}

{{ broken_quality_expectations('bloodtest', 'error') }}
