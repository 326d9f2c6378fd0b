with run as (

    select * from {{ ref('int_ecg_run__header_with_signal') }}

),

possible_birth as (

    select
        subject_key,
        sex,
        {{ birth_date_earliest('recorded_on', 'age_years') }} as birth_date_earliest,
        {{ birth_date_latest('recorded_on', 'age_years') }} as birth_date_latest
    from run

),

intersected as (

    -- every run with an age narrows the days on which its subject can have been born
    select
        subject_key,
        max(birth_date_earliest) as birth_date_earliest,
        min(birth_date_latest) as birth_date_latest,
        min(sex) as first_sex,
        max(sex) as last_sex
    from possible_birth
    group by subject_key

),

compared as (

    select
        *,
        coalesce(birth_date_earliest > birth_date_latest, false) as has_age_conflict,
        coalesce(first_sex != last_sex, false) as has_sex_conflict
    from intersected

),

final as (

    -- where runs contradict each other, the figure is unknown
    select
        subject_key,
        case when not has_sex_conflict then first_sex end as sex,
        case when not has_age_conflict then birth_date_earliest end as birth_date_earliest,
        case when not has_age_conflict then birth_date_latest end as birth_date_latest,
        has_age_conflict,
        has_sex_conflict
    from compared

)

select * from final
