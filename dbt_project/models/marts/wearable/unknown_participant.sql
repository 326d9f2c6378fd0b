with coverage as (

    select * from {{ ref('int_wearable_file__time_coverage') }}

),

roster as (

    select * from {{ ref('stg_wearable__roster') }}

),

final as (

    select
        coverage.participant_key,
        count(distinct coverage.raw_path) as file_count,
        cast(sum(coverage.reading_count) as bigint) as reading_count,
        min(coverage.written_on) as first_written_date,
        max(coverage.written_on) as last_written_date
    from coverage
    anti join roster on coverage.participant_key = roster.participant_key
    group by coverage.participant_key

)

select * from final
