{#
    How far a consent reaches: `customer` or `reading`, from the var `consent_scope`. Any other value ends the command, so
    that nobody takes a misspelt scope for a strict one.
#}
{% macro consent_scope() -%}
    {%- set scope = var('consent_scope') -%}
    {%- if execute and scope not in ('customer', 'reading') -%}
        {{- exceptions.raise_compiler_error("consent_scope is customer or reading, not " ~ scope) -}}
    {%- endif -%}
    {{- return(scope) -}}
{%- endmacro %}

{# Time at which dbt's command began, UTC, the same in all models and tests: later dates lie in the future. #}
{% macro build_time() -%}
    timestamp '{{ run_started_at }}'
{%- endmacro %}

{#
    Whether a customer's record shows research consent now. A consent, or a record, that is dated in the future does not.
    Never null: an unknown consent is none.
#}
{% macro shows_consent(research_consent_at, last_updated_at) -%}
    coalesce({{ research_consent_at }} <= {{ build_time() }} and {{ last_updated_at }} <= {{ build_time() }}, false)
{%- endmacro %}

{#
    Which of a customer's records counts: that of the last update; of several of one time, the one of the last delivery, by
    name; of several of these, one without consent before one with. To be the order of a window.
#}
{% macro latest_record_first() -%}
    last_updated_at desc, last_delivery desc, research_consent_at desc nulls first, path_below asc, _row_number asc
{%- endmacro %}
