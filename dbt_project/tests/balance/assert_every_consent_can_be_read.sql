-- A returned row is a customer whose latest record has something for a research consent that is no time in
-- milliseconds. It counts as none; ask the maker what it means.
{{ config(severity='warn') }}

select
    customer_key,
    last_delivery,
    _raw_path,
    _row_number
from {{ ref('int_balance_customer__consent_status') }}
where has_research_consent_text and research_consent_at is null
