{#
    Query of the spelling that counts for each key: the one in the latest delivery that has any, of several within it the
    most frequent.

    Arguments
        spellings: relation with the key, the spelling, `delivery` and `record_count`.
        key: name of the key column.
        spelling: name of the column whose values are chosen from.
#}
{% macro latest_spelling(spellings, key, spelling) -%}
    select
        {{ key }},
        {{ spelling }}
    from {{ spellings }}
    where {{ spelling }} is not null
    group by {{ key }}, {{ spelling }}, delivery
    qualify row_number() over (
        partition by {{ key }}
        order by delivery desc, sum(record_count) desc, {{ spelling }} asc
    ) = 1
{%- endmacro %}
