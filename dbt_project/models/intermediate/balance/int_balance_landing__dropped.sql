with record as (

    select * from {{ ref('stg_balance__customer') }}

),

customer as (

    select * from {{ ref('int_balance_customer__consent_status') }}

),

accelerometer as (

    select * from {{ ref('stg_balance__accelerometer') }}

),

email as (

    select
        clinic,
        email,
        bool_or(has_research_consent) as has_consented_customer,
        bool_and(has_research_consent) as is_consented
    from customer
    group by clinic, email

),

outcome as (

    select
        'customer' as entity,
        'older record of the same customer' as outcome,
        count(*) - count(distinct customer_key) as row_count
    from record
    union all
    select
        'customer' as entity,
        case
            when has_research_consent then null
            when research_consent_at is not null then 'research consent begins in the future'
            when has_research_consent_text then 'research consent that cannot be read'
            else 'no research consent'
        end as outcome,
        1 as row_count
    from customer
    union all
    select
        'accelerometer' as entity,
        'delivered again' as outcome,
        delivered_row_count - 1 as row_count
    from accelerometer
    union all
    select
        'accelerometer' as entity,
        case
            when email.email is null then 'no customer has this email address'
            when not email.has_consented_customer then 'no research consent'
            when not email.is_consented then 'email address shared without consent'
            when not ({{ was_consented_when_taken('accelerometer', 'email') }})
                then 'taken while there was no consent'
        end as outcome,
        1 as row_count
    from accelerometer
    left join email on accelerometer.clinic = email.clinic and accelerometer.email = email.email

),

final as (

    select
        entity,
        outcome,
        sum(row_count)::bigint as row_count
    from outcome
    where outcome is not null
    group by entity, outcome

)

select * from final
