{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='claim_id') }}
{% set seen_before = watermark() %}

with claim as (

    select * from {{ ref('stg_practice__claim') }}
    {% if seen_before %}
        where claim_id in (
            select arrived.claim_id
            from {{ ref('stg_practice__claim') }} as arrived
            where arrived._load_id > {{ seen_before }}
        )
    {% endif %}

),

final as (

    -- an office may send an id again: the first arrival counts, in whatever order they were loaded
    select
        clinic,
        claim_id,
        patient_id,
        claim_code,
        price_eur,
        received_at,
        _raw_path,
        _row_number,
        _load_id,
        {{ time_bucket_minutes('received_at', 10) }} as window_start_at,
        cast(row_number() over arrival as integer) as arrival_number,
        (patient_id, claim_code, price_eur) = (
            first_value(patient_id) over arrival,
            first_value(claim_code) over arrival,
            first_value(price_eur) over arrival
        ) as is_first_content,
        first_value(_load_id) over arrival as first_load_id,
        {{ seen_load_id() }} as seen_load_id,
        {{ rule_hash() }} as rule_hash
    from claim
    window
        arrival as (
            partition by clinic, claim_id
            order by
                received_at, {{ file_name('_raw_path') }}, _row_number, patient_id, claim_code, price_eur, _raw_path
        )

)

select * from final
