{#
    The newest load that a relation has rows of, 0 if it has none. As a number in the query, looked up before it: the engine
    then passes over the blocks of older loads, which it could not if the number were to come out of the query itself.

    Arguments
        relation: a relation with a column load_id.
#}
{% macro max_load_id(relation) -%}
    {{ return(
        run_query('select coalesce(max(load_id), 0) from ' ~ relation).columns[0].values()[0] if execute else 0
    ) }}
{%- endmacro %}
