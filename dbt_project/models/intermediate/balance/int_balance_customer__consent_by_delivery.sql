with record as (

    select
        *,
        {{ shows_consent('research_consent_at', 'last_updated_at') }} as has_research_consent,
        case when has_research_consent then research_consent_at else last_updated_at end as changed_at,
        row_number() over (partition by customer_key order by {{ latest_record_first() }}) as record_rank
    from {{ ref('stg_balance__customer') }}

),

latest_by_delivery as (

    -- after each delivery with a record of a customer: the latest of the records that were known by then
    select distinct
        customer_key,
        first_delivery as delivery,
        min(record_rank) over (
            partition by customer_key
            order by first_delivery
            range between unbounded preceding and current row
        ) as record_rank
    from record

),

own_change as (

    select
        record.*,
        latest_by_delivery.delivery,
        lag(record.has_research_consent) over (
            partition by record.customer_key
            order by latest_by_delivery.delivery
        ) as had_research_consent
    from record
    inner join latest_by_delivery
        on
            record.customer_key = latest_by_delivery.customer_key
            and record.record_rank = latest_by_delivery.record_rank
    qualify record.has_research_consent is distinct from had_research_consent -- noqa: RF02

),

{% for column in ['email', 'serial_number'] %}

    {{ column }}_state as (

        -- as many customers have consented by that delivery as are known by then
        select
            clinic,
            {{ column }},
            delivery,
            sum(sum(has_research_consent::int - coalesce(had_research_consent, false)::int)) over so_far
            = sum(count(*) filter (where had_research_consent is null)) over so_far as is_consented
        from own_change
        group by clinic, {{ column }}, delivery
        window so_far as (partition by clinic, {{ column }} order by delivery)

    ),

    {{ column }}_change as (

        select
            record.customer_key,
            record.clinic,
            {{ column }}_state.delivery,
            {{ column }}_state.is_consented
        from record
        inner join {{ column }}_state
            on record.clinic = {{ column }}_state.clinic and record.{{ column }} = {{ column }}_state.{{ column }}
        where record.record_rank = 1

    ),

{% endfor %}

final as (

    select
        coalesce(email_change.customer_key, serial_number_change.customer_key) as customer_key,
        coalesce(email_change.clinic, serial_number_change.clinic) as clinic,
        coalesce(email_change.delivery, serial_number_change.delivery) as delivery,
        own_change.changed_at,
        own_change.has_research_consent,
        own_change.had_research_consent,
        email_change.is_consented as is_email_consented,
        serial_number_change.is_consented as is_device_consented
    from email_change
    full outer join serial_number_change
        on
            email_change.customer_key = serial_number_change.customer_key
            and email_change.delivery = serial_number_change.delivery
    left join own_change
        on
            coalesce(email_change.customer_key, serial_number_change.customer_key) = own_change.customer_key
            and coalesce(email_change.delivery, serial_number_change.delivery) = own_change.delivery

)

select * from final
