with sleep as (

    select * from {{ ref('stg_wearable__sleep') }}

),

coverage as (

    select * from {{ ref('int_wearable_file__time_coverage') }}

),

final as (

    -- a night is known from its log, or from what the watch measures in sleep alone
    select
        participant_key,
        sleep_date
    from sleep
    where is_main_sleep

    union

    select
        participant_key,
        sleep_date
    from coverage
    where sleep_date is not null

)

select * from final
