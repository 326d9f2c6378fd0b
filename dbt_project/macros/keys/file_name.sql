{# Name of a file, from its path. #}
{% macro file_name(path) -%}
    split_part({{ path }}, '/', -1)
{%- endmacro %}
