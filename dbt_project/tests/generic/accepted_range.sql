{% test accepted_range(model, column_name, min_value=none, max_value=none) %}
{#
    Fails where a value lies outside the range, its ends included. Nulls pass: say no_nulls where a value must be there.

    Arguments
        min_value: smallest accepted value, a number or a SQL expression; none for no lower end.
        max_value: greatest accepted value, a number or a SQL expression; none for no upper end.
#}
{{
    exceptions.raise_compiler_error("accepted_range on " ~ column_name ~ " needs min_value, max_value or both")
    if min_value is none and max_value is none
}}
select {{ column_name }}
from {{ model }}
where
    false
    {% if min_value is not none %}or {{ column_name }} < {{ min_value }}{% endif %}
    {% if max_value is not none %}or {{ column_name }} > {{ max_value }}{% endif %}
{% endtest %}
