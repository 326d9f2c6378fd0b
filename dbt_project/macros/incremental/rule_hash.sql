{#
    Hash of what this model computes by: its own file, those of the models that it is made from, and the rows of their seeds.
    A constant column `rule_hash` of each incremental model: with another hash the model is rebuilt from scratch, so that a
    changed seed or a changed line of SQL reaches the rows that are already there. A changed macro does not show in it.
#}
{% macro rule_hash() -%}
    {#- a unit test has no graph -#}
    {%- if execute and graph.nodes is defined -%}
        {%- set node_ids = [model.unique_id] -%}
        {%- set checksums = [] -%}
        {#- the list grows while it is read: first the model, then its parents, then theirs -#}
        {%- for node_id in node_ids -%}
            {%- set node = graph.nodes[node_id] -%}
            {%- do checksums.append(seed_rows(node) if node.resource_type == 'seed' else node.checksum.checksum) -%}
            {%- for parent_id in node.depends_on.nodes | default([]) -%}
                {%- if parent_id in graph.nodes and parent_id not in node_ids -%}
                    {%- do node_ids.append(parent_id) -%}
                {%- endif -%}
            {%- endfor -%}
        {%- endfor -%}
        {{- return("'" ~ local_md5(checksums | sort | join(' ')) ~ "'") -}}
    {%- endif -%}
    {{- return("''") -}}
{%- endmacro %}

{#
    Rows of a seed as one text. As they are in the warehouse, not in the file: `dbt run` reads them before a changed file is
    seeded.
#}
{% macro seed_rows(node) -%}
    {%- set relation = load_relation(api.Relation.create(node.database, node.schema, node.alias)) -%}
    {%- set lines = [] -%}
    {%- for row in run_query('select * from ' ~ relation).rows if relation is not none -%}
        {%- do lines.append(row.values() | join(',')) -%}
    {%- endfor -%}
    {{- return(lines | sort | join('\n')) -}}
{%- endmacro %}
