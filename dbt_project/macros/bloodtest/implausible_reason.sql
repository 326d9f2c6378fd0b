{#
    Why a test's values cannot be right; null where they can. A missing value is not implausible. docs/bloodtest.md says
    where the limits come from.
#}
{% macro implausible_test_reason() -%}
    nullif(
        concat_ws(
            '; ',
            case when systolic_mmhg not between 50 and 260 then 'systolic pressure outside 50 to 260 mmHg' end,
            case when diastolic_mmhg not between 20 and 200 then 'diastolic pressure outside 20 to 200 mmHg' end,
            case when systolic_mmhg <= diastolic_mmhg then 'systolic pressure not above diastolic' end,
            case when cholesterol_level not between 1 and 3 then 'cholesterol level outside 1 to 3' end,
            case when glucose_level not between 1 and 3 then 'glucose level outside 1 to 3' end,
            case when greatest(smoke, alco, active, cardio) > 1 or least(smoke, alco, active, cardio) < 0
                then 'an answer that is neither 0 nor 1' end
        ),
        ''
    )
{%- endmacro %}

{# Why a patient's record cannot be right; null where it can. Children may be of any size below an adult's. #}
{% macro implausible_patient_reason() -%}
    nullif(
        concat_ws(
            '; ',
            case when age_years not between 0 and 130 then 'age outside 0 to 130 years' end,
            case
                when height_cm > 213 or height_cm <= 0 then 'height outside 0 to 213 cm'
                when height_cm < 122 and coalesce(age_years, 18) >= 18 then 'height below 122 cm'
            end,
            case
                when weight_kg > 318 or weight_kg <= 0 then 'weight outside 0 to 318 kg'
                when weight_kg < 34 and coalesce(age_years, 18) >= 18 then 'weight below 34 kg'
            end
        ),
        ''
    )
{%- endmacro %}

{# An answer coded 0 or 1; null where it is missing or neither. #}
{% macro answer(column) -%}
    case {{ column }} when 1 then true when 0 then false end
{%- endmacro %}
