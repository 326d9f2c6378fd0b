{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['_load_id', '_raw_path', '_row_number'],
        on_schema_change='fail',
    )
}}

{{ numbered_by_arrival('stg_practice__claim', 'claim_id', ['patient_id', 'claim_code', 'price_eur']) }}
