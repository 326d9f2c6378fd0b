{#
    When a person who has lived a number of whole years on a day can have been born: on a day after the day that lies one
    year more back, up to the day that lies that many years back.

    Months differ in length, so "n years before" is calendar arithmetic, not a number of days; 29 February less a number of
    years that leads into a common year is 28 February. Whether somebody born on 29 February has the birthday on
    28 February or on 1 March of a common year depends on the country: the bounds hold under both customs.
#}

{# First possible birth date of a person aged `age` on `day`. #}
{% macro birth_date_earliest(day, age) -%}
    {{ years_before(day, age ~ " + 1") }} + 1
{%- endmacro %}

{#
    Last possible birth date of a person aged `age` on `day`. The second term differs from the first only on 28 February of
    a common year: who was born on 29 February may have the birthday on that day.
#}
{% macro birth_date_latest(day, age) -%}
    greatest({{ years_before(day, age) }}, {{ years_before(day ~ " + 1", age) }} - 1)
{%- endmacro %}

{# The day in the middle between two days, the earlier one of two. #}
{% macro middle_date(first_day, last_day) -%}
    {{ first_day }} + cast({{ integer_division(last_day ~ ' - ' ~ first_day, 2) }} as integer)
{%- endmacro %}
