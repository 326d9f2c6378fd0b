{#
    Whether a full snapshot drops dimension members that it leaves out: the variable `dimension_load`, `replace` (default)
    or `append`.
#}
{% macro snapshot_drops_absent() -%}
    {%- set mode = var('dimension_load') -%}
    {%- if execute and mode not in ('replace', 'append') -%}
        {{ exceptions.raise_compiler_error("dimension_load is '" ~ mode ~ "': expected replace or append") }}
    {%- endif -%}
    '{{ mode }}' = 'replace'
{%- endmacro %}
