{% test accepted_ranges(model, ranges) %}
{#
    Fails where a value of any of the columns lies outside its range, the ends included: one query a table instead of one a
    column. Nulls pass.

    Arguments
        ranges: for each column the smallest and the greatest accepted value, null for no such end.
#}
select {{ ranges | join(', ') }}
from {{ model }}
where
    false
    {% for column, (min_value, max_value) in ranges.items() %}
        {% if min_value is not none %}or {{ column }} < {{ min_value }}{% endif %}
        {% if max_value is not none %}or {{ column }} > {{ max_value }}{% endif %}
    {% endfor %}
{% endtest %}
