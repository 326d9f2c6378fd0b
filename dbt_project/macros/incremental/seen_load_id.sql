{#
    Newest load of the sources of this model when it is built: what the model has seen, not what it holds. A constant column
    `seen_load_id` of each incremental model, which is its watermark, and of each consent-gated table, which publishing
    compares with the newest load. Never published.

    Arguments
        parents: relations with a column seen_load_id. The result is no newer than theirs, so that a table that is built alone
            from older ones does not pass for a newer one. A parent without rows counts as one that has seen nothing.
#}
{% macro seen_load_id(parents=[]) -%}
    (
        select min(seen.load_id)
        from (
            {% for parent in parents %}
                select coalesce(max(parent.seen_load_id), 0) as load_id
                from {{ parent }} as parent
                union all
            {% endfor %}
            select coalesce(max(load.load_id), 0) as load_id
            from {{ catalog_load() }} as load
            where {{ is_of_model_source('load.measurement') }}
        ) as seen
    )
{%- endmacro %}

{#
    The loader's table of loads. Not as a source: an edge from it to each gated and each incremental model would hide all other
    lineage. It exists from the first build on.
#}
{% macro catalog_load() -%}
    {{ return(api.Relation.create(database=target.database, schema='catalog', identifier='load')) }}
{%- endmacro %}

{# Condition on a measurement: that it is the source of the model at hand, which the model's tags name. #}
{% macro is_of_model_source(column) -%}
    {{ column }} in ('{{ model.tags | join("', '") }}')
{%- endmacro %}

{#
    Watermark of an incremental model: the newest load that it has seen, 0 before it is built. As a number in the query, looked
    up before it: the engine then passes over the blocks of older loads.
#}
{% macro watermark() -%}
    {{ return(max_value(this, 'seen_load_id') if is_incremental() else 0) }}
{%- endmacro %}

{# Greatest value of a whole-number column of a relation, or of a query in brackets; 0 if it has no rows. #}
{% macro max_value(relation, column) -%}
    {{ return(
        run_query('select coalesce(max(' ~ column ~ '), 0) from ' ~ relation).columns[0].values()[0] | int if execute else 0
    ) }}
{%- endmacro %}
