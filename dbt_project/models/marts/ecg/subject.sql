with run as (

    select * from {{ ref('run') }}

),

identity as (

    select * from {{ ref('int_ecg_subject__birth_date_bounds') }}

),

summarised as (

    select
        subject_key,
        min(clinic) as clinic,
        min(subject) as subject,
        count(*) as run_count,
        count(*) filter (
            where is_usable and duplicate_of_run_key is null and near_duplicate_of_run_key is null
        ) as counted_run_count,
        min(recorded_on) as first_run_on,
        max(recorded_on) as last_run_on,
        -- rows are added up in any order, which changes the last digits: without them, equal runs give equal subjects
        round(
            avg(heart_rate_bpm) filter (
                where is_usable and duplicate_of_run_key is null and near_duplicate_of_run_key is null
            ),
            6
        ) as mean_heart_rate_bpm
    from run
    group by subject_key

),

final as (

    select
        summarised.subject_key,
        summarised.clinic,
        summarised.subject,
        identity.sex,
        year({{ middle_date('identity.birth_date_earliest', 'identity.birth_date_latest') }})::integer as birth_year,
        year(identity.birth_date_earliest) = year(identity.birth_date_latest) as is_birth_year_exact,
        identity.birth_date_earliest,
        identity.birth_date_latest,
        summarised.run_count,
        summarised.counted_run_count,
        summarised.first_run_on,
        summarised.last_run_on,
        summarised.mean_heart_rate_bpm,
        identity.has_sex_conflict or identity.has_age_conflict as has_conflict,
        nullif(
            concat_ws(
                '; ',
                case when identity.has_sex_conflict then 'runs disagree on sex' end,
                case when identity.has_age_conflict then 'no birth date fits the ages of all runs' end
            ),
            ''
        ) as conflict_reason
    from summarised
    inner join identity on summarised.subject_key = identity.subject_key

)

select * from final
