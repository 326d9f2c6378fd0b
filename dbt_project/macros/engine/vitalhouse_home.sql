{#
    Path of the folder that holds the warehouse and the lake, absolute, so that a view over the lake's files can be read
    from any working directory. The warehouse file lies directly in it, and the engine knows where it opened that file.
#}
{% macro vitalhouse_home() -%}
    {{ return(adapter.dispatch('vitalhouse_home')()) }}
{%- endmacro %}

{% macro duckdb__vitalhouse_home() -%}
    {%- if execute -%}
        {%- set query -%}
            select parse_dirpath(path) as folder from duckdb_databases() where database_name = '{{ target.database }}'
        {%- endset -%}
        {{- return(run_query(query).columns[0].values()[0]) -}}
    {%- endif -%}
{%- endmacro %}
