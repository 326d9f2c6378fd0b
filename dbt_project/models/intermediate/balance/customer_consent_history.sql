with record as (

    select
        customer_key,
        clinic,
        email,
        serial_number,
        last_updated_at,
        research_consent_at,
        first_delivery,
        lead(last_updated_at) over (partition by customer_key order by last_updated_at) as next_updated_at
    from {{ ref('int_balance_customer__latest_per_update') }}

),

statement as (

    -- what a record says of the time of its update
    select
        * exclude (next_updated_at),
        last_updated_at as stated_at,
        coalesce(research_consent_at <= last_updated_at, false) as has_research_consent
    from record
    union all
    -- a consent that begins later begins then, unless a newer record came before that
    select
        * exclude (next_updated_at),
        research_consent_at as stated_at,
        true as has_research_consent
    from record
    where research_consent_at > last_updated_at and (next_updated_at is null or research_consent_at < next_updated_at)

),

compared as (

    select
        *,
        lag(has_research_consent) over (partition by customer_key order by stated_at) as had_research_consent,
        lag(stated_at) over (partition by customer_key order by stated_at) as previously_stated_at
    from statement

),

started as (

    -- a period begins where a record says something else than the one before
    select
        *,
        case
            when not has_research_consent then stated_at
            -- a consent that is dated back before the record that denied it began with the record that gave it
            when research_consent_at <= previously_stated_at then stated_at
            else research_consent_at
        end as valid_from_at
    from compared
    where has_research_consent is distinct from had_research_consent

),

period as (

    select
        customer_key,
        clinic,
        email,
        serial_number,
        has_research_consent,
        valid_from_at,
        lead(valid_from_at) over (partition by customer_key order by stated_at) as valid_to_at,
        last_updated_at,
        first_delivery,
        {{ seen_load_id(parents=[ref('int_balance_customer__latest_per_update')]) }} as seen_load_id
    from started

)

select * from period
