{#
    Hash of what this model computes by: its own file and those of the models and seeds that it is made from. A constant column
    `rule_hash` of each incremental model: with another hash the model is rebuilt from scratch, so that a changed seed or
    a changed line of SQL reaches the rows that are already there.
#}
{% macro rule_hash() -%}
    {%- if execute -%}
        {%- set node_ids = [model.unique_id] -%}
        {%- set checksums = [] -%}
        {#- the list grows while it is read: first the model, then its parents, then theirs -#}
        {%- for node_id in node_ids -%}
            {%- set node = graph.nodes[node_id] -%}
            {%- do checksums.append(node.checksum.checksum) -%}
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
