{% test accepted_values_by_column(model, values) %}
{#
    Fails where a value of any of the columns is none of the accepted ones: one query a table instead of one a column. Nulls
    pass.

    Arguments
        values: for each column the list of its accepted values, numbers or texts.
#}
select {{ values | join(', ') }}
from {{ model }}
where
    false
    {% for column, accepted in values.items() %}
        or {{ column }} not in (
            {%- for value in accepted -%}
                {{ value if value is number else quoted(value) }}{% if not loop.last %}, {% endif %}
            {%- endfor -%}
        )
    {% endfor %}
{% endtest %}
