with consent_change as (

    select * from {{ ref('consent_change') }}

),

changed as (

    -- a whole week, since the exact time of a consent identifies the customer
    select
        clinic,
        date_trunc('week', changed_at)::date as week_start_on,
        count(*) filter (where consent_change = 'given') as given_count,
        count(*) filter (where consent_change = 'withdrawn') as withdrawn_count
    from consent_change
    where consent_change in ('given', 'withdrawn')
    group by all

),

final as (

    select
        clinic,
        week_start_on,
        given_count,
        withdrawn_count,
        (sum(given_count - withdrawn_count) over (partition by clinic order by week_start_on))::bigint
            as consenting_count
    from changed

)

select * from final
