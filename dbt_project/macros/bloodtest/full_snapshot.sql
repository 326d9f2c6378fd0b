{#
    Whether a file of patients is (part of) a full snapshot: `patient_data/full.json`, or `patient_data/full-<part>.json` where
    it is cut in parts. A file's name goes with it through latest/, where the provider chooses no name for the delivery.
#}
{% macro is_full_snapshot(path_below) -%}
    ({{ path_below }} = 'patient_data/full.json' or {{ path_below }} like 'patient_data/full-%.json')
{%- endmacro %}

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
