-- A returned row is a customer whose latest record was updated in the future, by a clock that is wrong. Until then it
-- counts as without consent, since it is unknown whether a later record follows.
{{ config(severity='warn') }}

select
    customer_key,
    last_updated_at,
    last_delivery,
    _raw_path,
    _row_number
from {{ ref('int_balance_customer__consent_status') }}
where last_updated_at > {{ build_time() }}
