{#
    Pseudonym of a customer: the first 128 bits of HMAC-SHA-256 of the customer's key, in hexadecimals. The secret is in the
    session, where plugins/participant_key.py puts it; without it the result is null.
#}
{% macro participant_key(customer_key) -%}
    left({{ hmac_sha256(customer_key, 'participant_key') }}, 32)
{%- endmacro %}
