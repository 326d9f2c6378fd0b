{% test unique_combination(model, columns) %}
{#
    Fails where two rows share the values of all the named columns. Nulls count as equal.

    Arguments
        columns: names of the columns that together are a key.
#}
select
    {{ columns | join(', ') }},
    count(*) as row_count
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
