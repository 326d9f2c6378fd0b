{#
    Query of the cases of seeds/quality_expectation.csv that do not hold: one row per case of a measurement and a severity
    whose query gives another answer than the one expected. Numbers are compared as numbers, all else as text; an answer of
    null holds never.
#}
{% macro broken_quality_expectations(measurement, severity) -%}
    {%- set expectations = ref('quality_expectation') -%}
    {%- set cases = [] -%}
    {#- before the first build there is no such table -#}
    {%- if execute and load_relation(expectations) is not none -%}
        {%- set query -%}
            select name, query, comparison, expected_value
            from {{ expectations }}
            where measurement = '{{ measurement }}' and severity = '{{ severity }}'
            order by name
        {%- endset -%}
        {%- set cases = run_query(query).rows -%}
    {%- endif -%}
    with answer as (

        {% for case in cases -%}
            select
                {{ quoted(case['name']) }} as name,
                {{ quoted(case['query']) }} as query,
                {{ quoted(case['comparison']) }} as comparison,
                {{ quoted(case['expected_value']) }} as expected_value,
                cast(({{ case['query'] | trim | trim(';') }}) as varchar) as answer
            {% if not loop.last %}union all{% endif %}
        {% else -%}
            select
                null as name,
                null as query,
                null as comparison,
                null as expected_value,
                null as answer
            where false
        {% endfor %}

    ),

    compared as (

        select
            *,
            coalesce(
                sign({{ text_to_double('answer') }} - {{ text_to_double('expected_value') }}),
                case when answer < expected_value then -1 when answer = expected_value then 0 else 1 end
            ) as difference
        from answer

    )

    select
        name,
        query,
        answer,
        comparison,
        expected_value
    from compared
    where
        answer is null
        or not case comparison
            when '=' then difference = 0
            when '!=' then difference != 0
            when '<' then difference < 0
            when '<=' then difference <= 0
            when '>' then difference > 0
            when '>=' then difference >= 0
            else false
        end
{%- endmacro %}

{# A text literal. #}
{% macro quoted(text) -%}
    '{{ text | string | replace("'", "''") }}'
{%- endmacro %}
