with record as (

    select * from {{ ref('stg_balance__customer') }}

),

counted as (

    -- of several records of one customer and time, the one that counts
    select
        customer_key,
        clinic,
        email,
        serial_number,
        customer_name,
        phone,
        birth_date,
        registered_at,
        last_updated_at,
        research_consent_at,
        public_consent_at,
        friends_consent_at,
        has_research_consent_text,
        path_below,
        first_delivery,
        last_delivery,
        _raw_path,
        _row_number,
        _load_id,
        {{ seen_load_id() }} as seen_load_id
    from record
    qualify
        row_number() over (
            partition by customer_key, last_updated_at
            order by {{ latest_record_first() }}
        ) = 1

)

select * from counted
