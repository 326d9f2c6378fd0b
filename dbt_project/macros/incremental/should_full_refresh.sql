{#
    Rebuild an incremental model from scratch when rows that it may have read were removed since it was built, or when its
    rule has changed. dbt's incremental materialization and is_incremental() both ask this macro, so it holds under
    `dbt run`, in Dagster and in `vitalhouse build`.

    A model that replaces whole partitions by the hash of their source sees removed rows by itself. It says so with
    `meta: {replaces_partitions_by_hash: true}` and is never rebuilt for them.
#}
{% macro should_full_refresh() %}
    {% set requested = config.get('full_refresh') %}
    {% if requested is none %}{% set requested = flags.FULL_REFRESH %}{% endif %}
    {% if requested or not execute %}{{ return(requested) }}{% endif %}
    {% if model.config.materialized != 'incremental' or load_relation(this) is none %}{{ return(false) }}{% endif %}
    {% if model.config.meta.get('replaces_partitions_by_hash') %}{{ return(false) }}{% endif %}
    {{ return(has_other_rule(this) or was_built_before_removal(this)) }}
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
    {% if 'rule_hash' not in columns or 'seen_load_id' not in columns %}{{ return(true) }}{% endif %}
    {% set query = 'select count(*) from ' ~ relation ~ ' where rule_hash != ' ~ rule_hash() %}
    {{ return(run_query(query).columns[0].values()[0] > 0) }}
{% endmacro %}
