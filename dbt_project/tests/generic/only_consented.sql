{% test only_consented(
    model, customer=none, email=none, device=none, participant=none, clinic='clinic', reading_at=none
) %}
{#
    Fails where a row belongs to a person without a proven research consent, or to an unknown person. Reads the customers'
    records themselves, not the tables that were built from them.

    A row identifies its person by exactly one of these columns; where it names an email address or a device, all customers
    with it must have consented.

    Arguments
        customer: column with the customer's key.
        email: column with an email address.
        device: column with a serial number.
        participant: column with a pseudonym; all who share the participant's email address or device must have consented.
        clinic: column with the clinic, for email and device.
        reading_at: column with the time of a reading, needed with the var `consent_scope: reading`.
#}
    {% set named = [customer, email, device, participant] | reject('none') | list %}
    {% if named | length != 1 %}
        {{ exceptions.raise_compiler_error("only_consented needs one of customer, email, device and participant") }}
    {% endif %}
    {% set history = ref('customer_consent_history') %}
with latest_record as (

    select
        customer_key,
        clinic,
        email,
        serial_number,
        {{ shows_consent('research_consent_at', 'last_updated_at') }} as has_research_consent
    from {{ ref('stg_balance__customer') }}
    qualify row_number() over (partition by customer_key order by {{ latest_record_first() }}) = 1

),

consenter as (

    -- for whoever a row may name, the customers that must have consented
    {% if customer %}
        select
            customer_key as named,
            customer_key,
            has_research_consent
        from latest_record
    {% elif email or device %}
        select
            clinic || ':' || {{ 'email' if email else 'serial_number' }} as named,
            customer_key,
            has_research_consent
        from latest_record
    {% else %}
        select
            {{ participant_key('one.customer_key') }} as named,
            other.customer_key,
            other.has_research_consent
        from latest_record as one
        inner join latest_record as other on one.clinic = other.clinic and one.email = other.email
        union
        select
            {{ participant_key('one.customer_key') }} as named,
            other.customer_key,
            other.has_research_consent
        from latest_record as one
        inner join latest_record as other on one.clinic = other.clinic and one.serial_number = other.serial_number
    {% endif %}

),

consented as (

    select named
    from consenter
    group by named
    having bool_and(has_research_consent)

),

stated as (

    select
        *,
        {% if email or device %}{{ clinic }} || ':' || {{ email or device }}{% else %}{{ customer or participant }}{% endif %}
            as named
    from {{ model }}

)

select stated.*
from stated
left join consented on stated.named = consented.named
where consented.named is null
{% if reading_at and consent_scope() == 'reading' %}
    union all
    select stated.*
    from stated
    inner join consenter on stated.named = consenter.named
    where not exists (
        select 1
        from {{ history }} as period
        where
            period.customer_key = consenter.customer_key
            and period.has_research_consent
            and stated.{{ reading_at }} >= period.valid_from_at
            and (stated.{{ reading_at }} < period.valid_to_at or period.valid_to_at is null)
    )
{% endif %}
{% endtest %}
