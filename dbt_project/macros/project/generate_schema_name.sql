{#
    Schemas are named as the configuration says (`staging`, `catalog`), without the target's name before them: the warehouse is
    one file, and people type these names.
#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
