{#
    For the post_hook of a table of rows that somebody's consent allows: notes in catalog.model_build the newest load that the
    table knows of, in the transaction that makes it. It is no newer than that of any such table it is made from, so a table
    that is built again alone, from older ones, does not pass for a newer one. Publishing holds back what does not know of
    the newest load of its source.
#}
{% macro record_build() -%}
    {%- set parents = [] -%}
    {%- for id in model.depends_on.nodes if execute and id in graph.nodes -%}
        {%- do parents.append("'" ~ graph.nodes[id].schema ~ "." ~ graph.nodes[id].alias ~ "'") -%}
    {%- endfor %}
    merge into catalog.model_build as build
    using (
        select
            '{{ this.schema }}.{{ this.identifier }}' as relation,
            least(
                (select coalesce(max(load_id), 0) from catalog.load),
                (select min(load_id) from catalog.model_build where relation in ({{ parents | join(', ') or 'null' }}))
            ) as load_id
    ) as made
    on build.relation = made.relation
    when matched then update set load_id = made.load_id
    when not matched then insert by name
{%- endmacro %}
