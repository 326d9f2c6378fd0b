with covered as (

    select * from {{ ref('int_wearable_file__time_coverage') }}

),

file as (

    select * from {{ ref('stg_wearable__file') }}

),

roster as (

    select * from {{ ref('stg_wearable__roster') }}

),

unknown as (

    select
        covered.participant_key,
        count(distinct covered.raw_path) as file_count,
        cast(sum(covered.reading_count) as bigint) as reading_count,
        min(covered.written_on) as first_written_date,
        max(covered.written_on) as last_written_date
    from covered
    inner join file on covered.raw_path = file.raw_path and covered.load_id = file.load_id
    anti join roster on covered.participant_key = roster.participant_key
    group by covered.participant_key

)

select * from unknown
