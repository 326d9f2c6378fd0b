{#
    Rebuild an incremental model from scratch when rows that it may have read were removed since it was built, or when its
    rule has changed. dbt's incremental materialization and is_incremental() both ask this macro, so it holds under
    `dbt run`, in Dagster and in `vitalhouse build`.

    A model that replaces whole partitions by the hash of their source (`meta: {replaces_partitions_by_hash: …}`) sees removed
    rows by itself and is rebuilt for another rule alone.
#}
{% macro should_full_refresh() %}
    {% set requested = config.get('full_refresh') %}
    {% if requested is none %}{% set requested = flags.FULL_REFRESH %}{% endif %}
    {% if requested or not execute %}{{ return(requested) }}{% endif %}
    {% if model.config.materialized != 'incremental' or load_relation(this) is none %}{{ return(false) }}{% endif %}
    {% if has_other_rule(this) %}{{ return(true) }}{% endif %}
    {{ return(not model.config.meta.get('replaces_partitions_by_hash') and was_built_before_removal(this)) }}
{% endmacro %}

{# Whether rows were removed from the model's source by a load that the model has not seen. #}
{% macro was_built_before_removal(relation) %}
    {% set removals %}
        (
            select load.load_id
            from {{ catalog_load() }} as load
            where load.removed_row_count > 0 and {{ is_of_model_source('load.measurement') }}
        )
    {% endset %}
    {{ return(max_value(removals, 'load_id') > max_value(relation, 'seen_load_id')) }}
{% endmacro %}

{# Whether the relation was made by another rule than the model has now, or by a version that noted none. #}
{% macro has_other_rule(relation) %}
    {% set columns = adapter.get_columns_in_relation(relation) | map(attribute='name') | list %}
    {% if 'rule_hash' not in columns %}{{ return(true) }}{% endif %}
    {#- one row is enough: all were made by one rule #}
    {% set query = 'select rule_hash from ' ~ relation ~ ' where rule_hash is not null limit 1' %}
    {% set hashes = run_query(query).columns[0].values() | list %}
    {{ return(hashes != [] and "'" ~ hashes[0] ~ "'" != rule_hash()) }}
{% endmacro %}
