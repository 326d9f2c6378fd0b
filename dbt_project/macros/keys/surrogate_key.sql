{#
    Key made of its parts, clinic first, a colon between them; a part that is missing is empty. The sources' contracts see
    to it that no id holds a colon.
#}
{% macro surrogate_key(parts) -%}
    {%- for part in parts -%}
        coalesce(cast({{ part }} as varchar), '')
        {%- if not loop.last %} || ':' || {% endif -%}
    {%- endfor -%}
{%- endmacro %}

{# Key of a dimension's member within its clinic; where no id was given, that of the dimension's unknown member. #}
{% macro member_key(clinic, id) -%}
    coalesce({{ clinic }} || ':' || {{ id }}, '{{ unknown_key() }}')
{%- endmacro %}

{# Key of the unknown member of every dimension. It has no colon, so that no id gives the same key. #}
{% macro unknown_key() -%}
    unknown
{%- endmacro %}
