{% test no_nulls(model, columns) %}
{#
    Fails where any of the named columns is null: one query a table instead of one a column.

    Arguments
        columns: names of columns that every row must fill.
#}
select {{ columns | join(', ') }}
from {{ model }}
where {% for column in columns %}{% if not loop.first %} or {% endif %}{{ column }} is null{% endfor %}
{% endtest %}
