{#
    The day so many years before. Months differ in length, so this is calendar arithmetic, not a number of days; 29 February
    less a number of years that leads into a common year is 28 February.
#}
{% macro years_before(day, years) -%}
    {{ return(adapter.dispatch('years_before')(day, years)) }}
{%- endmacro %}

{% macro duckdb__years_before(day, years) -%}
    cast({{ day }} - to_years({{ years }}) as date)
{%- endmacro %}

{% macro spark__years_before(day, years) -%}
    add_months({{ day }}, -12 * ({{ years }}))
{%- endmacro %}
