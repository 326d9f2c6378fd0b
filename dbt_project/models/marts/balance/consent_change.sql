{% set tables = ['accelerometer', 'step_trainer', 'machine_learning'] %}

with consent as (

    select * from {{ ref('int_balance_customer__consent_by_delivery') }}

),

reading_count as (

    select * from {{ ref('int_balance_customer__reading_count') }}

),

timeline as (

    -- every delivery that changed a consent on which the customer's rows depend, or that had readings of the customer
    select
        coalesce(consent.customer_key, reading_count.customer_key) as customer_key,
        coalesce(consent.delivery, reading_count.delivery) as delivery,
        consent.clinic,
        consent.changed_at,
        consent.has_research_consent,
        consent.had_research_consent,
        {{ last_not_null('consent.is_email_consented') }} over so_far as has_accelerometer,
        {{ last_not_null('consent.is_device_consented') }} over so_far as is_device_consented,
        {% for table in tables %}
            coalesce(sum(reading_count.{{ table }}_count) over so_far, 0)::bigint as {{ table }}_count
            {%- if not loop.last %},{% endif %}
        {% endfor %}
    from consent
    full outer join reading_count
        on consent.customer_key = reading_count.customer_key and consent.delivery = reading_count.delivery
    window
        so_far as (
            partition by coalesce(consent.customer_key, reading_count.customer_key)
            order by coalesce(consent.delivery, reading_count.delivery)
        )

),

state as (

    select
        *,
        has_accelerometer and is_device_consented and accelerometer_count > 0 as has_step_trainer,
        has_accelerometer and is_device_consented and accelerometer_count > 0 as has_machine_learning
    from timeline

),

compared as (

    select
        *,
        {% for table in tables %}
            coalesce(lag(has_{{ table }}) over so_far, false) as had_{{ table }},
            coalesce(lag({{ table }}_count) over so_far, 0) as previous_{{ table }}_count
            {%- if not loop.last %},{% endif %}
        {% endfor %}
    from state
    window so_far as (partition by customer_key order by delivery)

),

changed as (

    select
        customer_key,
        clinic,
        delivery,
        changed_at,
        case
            when has_research_consent then 'given'
            when had_research_consent then 'withdrawn'
            else 'of another customer'
        end as consent_change,
        {% for table in tables %}
            case
                when has_{{ table }} and not had_{{ table }} then {{ table }}_count
                when had_{{ table }} and not has_{{ table }} then -previous_{{ table }}_count
                else 0
            end as {{ table }}_row_change
            {%- if not loop.last %},{% endif %}
        {% endfor %}
    from compared
    -- a delivery without a consent changes none, and before both states are known the customer has no rows
    where clinic is not null and has_accelerometer is not null and is_device_consented is not null

),

final as (

    -- another customer's consent matters where it removed rows or let them through
    select * from changed
    where
        consent_change != 'of another customer'
        or accelerometer_row_change != 0
        or step_trainer_row_change != 0

)

select * from final
