with sleep as (

    select * from {{ ref('stg_wearable__sleep') }}

),

covered as (

    select * from {{ ref('int_wearable_file__time_coverage') }}

),

file as (

    select * from {{ ref('stg_wearable__file') }}

),

seen as (

    -- a night is known from its log, or from what the watch measures in sleep alone
    select
        participant_key,
        sleep_date
    from sleep
    where is_main_sleep

    union

    select
        covered.participant_key,
        covered.sleep_date
    from covered
    inner join file on covered.raw_path = file.raw_path and covered.load_id = file.load_id
    where covered.sleep_date is not null

)

select * from seen
