{# Whether a relation is there: a snapshot is not before the first `dbt build`, or `dbt snapshot`. #}
{% macro relation_exists(relation) -%}
    {{ return(execute and load_relation(relation) is not none) }}
{%- endmacro %}
