{#
    Pseudonym of a customer: the first 128 bits of HMAC-SHA-256 (RFC 2104) of the customer's key, in hexadecimals. The secret
    is in the session, where plugins/participant_key.py puts it; without it the result is null.
#}
{% macro participant_key(customer_key) -%}
    left(
        sha256(
            getvariable('participant_key_outer')
            || unhex(sha256(getvariable('participant_key_inner') || encode({{ customer_key }})))
        ),
        32
    )
{%- endmacro %}
