with match as (

    select * from {{ ref('int_ecg_run__identified') }}

),

final as (

    select
        clinic,
        protocol,
        run_key,
        subject_key,
        rank = 1 as is_identified,
        rank,
        score,
        best_match_subject_key,
        best_match_score,
        second_match_subject_key,
        second_match_score,
        {{ list_length('gallery_score') }}::integer as gallery_subject_count,
        transform_version
    from match

)

select * from final
