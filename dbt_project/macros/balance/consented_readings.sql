{#
    Condition on a reading: with `consent_scope: reading`, that no customer with its email address or device (`column`) was
    without consent when it was taken; always true with `consent_scope: customer`. Before the first period of a customer's
    history the consent is unknown, which counts as none.
#}
{% macro was_consented_when_taken(reading, column) -%}
    {%- set history = ref('customer_consent_history') -%}
    {%- if consent_scope() == 'customer' -%}
        true
    {%- else -%}
        not exists (
            select 1
            from (
                select
                    clinic,
                    {{ column }} as named,
                    valid_from_at as unconsented_from_at,
                    coalesce(valid_to_at, timestamp 'infinity') as unconsented_to_at
                from {{ history }}
                where not has_research_consent
                union all
                select
                    clinic,
                    {{ column }} as named,
                    timestamp '-infinity' as unconsented_from_at,
                    min(valid_from_at) as unconsented_to_at
                from {{ history }}
                group by customer_key, clinic, {{ column }}
            ) as gap
            where
                gap.clinic = {{ reading }}.clinic
                and gap.named = {{ reading }}.{{ column }}
                and {{ reading }}.measured_at >= gap.unconsented_from_at
                and {{ reading }}.measured_at < gap.unconsented_to_at
        )
    {%- endif -%}
{%- endmacro %}
