-- Does the heart rate differ between men and women?
-- One row: n, mean and standard deviation of each sex, the difference of the means (women less men) and its 95 %
-- confidence interval by Welch (1947), which does not assume equal variances. One value a subject, the mean over its
-- usable runs that are no copies: runs of one person are not independent. An interval that holds 0 shows no
-- difference. The quantile of Student's t for the Welch-Satterthwaite degrees of freedom is the normal one expanded
-- in 1 / df (Abramowitz & Stegun 26.7.5), off by less than 0.001 from 5 degrees of freedom on.
with by_sex as (

    select
        count(*) filter (where sex = 'female') as female_n,
        count(*) filter (where sex = 'male') as male_n,
        avg(mean_heart_rate_bpm) filter (where sex = 'female') as female_mean,
        avg(mean_heart_rate_bpm) filter (where sex = 'male') as male_mean,
        stddev_samp(mean_heart_rate_bpm) filter (where sex = 'female') as female_sd,
        stddev_samp(mean_heart_rate_bpm) filter (where sex = 'male') as male_sd
    from ecg.subject
    where mean_heart_rate_bpm is not null

),

variance as (

    select
        *,
        female_sd ^ 2 / female_n as female_variance_of_mean,
        male_sd ^ 2 / male_n as male_variance_of_mean
    from by_sex

),

welch as (

    select
        *,
        sqrt(female_variance_of_mean + male_variance_of_mean) as standard_error,
        (female_variance_of_mean + male_variance_of_mean) ^ 2
        / (female_variance_of_mean ^ 2 / (female_n - 1) + male_variance_of_mean ^ 2 / (male_n - 1)) as df,
        1.959963984540054::double as z
    from variance

),

quantile as (

    select
        *,
        z
        + (z ^ 3 + z) / (4 * df)
        + (5 * z ^ 5 + 16 * z ^ 3 + 3 * z) / (96 * df ^ 2)
        + (3 * z ^ 7 + 19 * z ^ 5 + 17 * z ^ 3 - 15 * z) / (384 * df ^ 3)
        + (79 * z ^ 9 + 776 * z ^ 7 + 1482 * z ^ 5 - 1920 * z ^ 3 - 945 * z) / (92160 * df ^ 4) as t
    from welch

)

select
    female_n,
    male_n,
    female_mean as female_mean_bpm,
    male_mean as male_mean_bpm,
    female_sd as female_sd_bpm,
    male_sd as male_sd_bpm,
    female_mean - male_mean as difference_bpm,
    female_mean - male_mean - t * standard_error as difference_ci95_low_bpm,
    female_mean - male_mean + t * standard_error as difference_ci95_high_bpm,
    df as degrees_of_freedom,
    abs(female_mean - male_mean) > t * standard_error as is_different
from quantile
