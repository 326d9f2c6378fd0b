{#
    Hash of the rule of this model: its own file, those of the models that it is made from, the project's macros that they
    use, and the rows of their seeds. A constant column `rule_hash` of each incremental model: with another hash the model is
    rebuilt from scratch, so that a changed seed or a changed line of SQL reaches the rows that are already there.
#}
{% macro rule_hash() -%}
    {#- a unit test has no graph -#}
    {%- if execute and graph.nodes is defined -%}
        {%- set node_ids, macro_ids, rules = [model.unique_id], [], [] -%}
        {#- the lists grow while they are read: first the model, then its parents, then theirs -#}
        {%- for node_id in node_ids -%}
            {%- set node = graph.nodes[node_id] -%}
            {%- do rules.append(seed_rows(node) if node.resource_type == 'seed' else node.checksum.checksum) -%}
            {%- do append_new(node_ids, node.depends_on.nodes | default([]) | select('in', graph.nodes)) -%}
            {%- do append_new(macro_ids, node.depends_on.macros) -%}
        {%- endfor -%}
        {%- for macro_id in macro_ids if macro_id.startswith('macro.' ~ project_name ~ '.') -%}
            {%- set used = context[macro_id.split('.')[-1]].macro -%}
            {%- do rules.append(used.macro_sql) -%}
            {%- do append_new(macro_ids, used.depends_on.macros) -%}
        {%- endfor -%}
        {{- return("'" ~ local_md5(rules | sort | join(' ')) ~ "'") -}}
    {%- endif -%}
    {{- return("''") -}}
{%- endmacro %}

{# Append the items that a list does not have yet. #}
{% macro append_new(list, items) -%}
    {%- for item in items if item not in list -%}{%- do list.append(item) -%}{%- endfor -%}
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
