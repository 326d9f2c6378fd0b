-- A returned row is a version of a patient that the snapshot does not hold for true, or one that it does and that is none:
-- it was not run after the models. (`dbt build` runs it, `dbt run` does not.)
-- depends_on: {{ ref('patient_history_snapshot') }}
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'patient_history'}}}) }}

{% set snapshot = ref('patient_history_snapshot') %}
{% set is_begun = execute and load_relation(snapshot) is not none %}

with version as (

    select
        patient_key,
        valid_from_delivery,
        version_number,
        valid_to_delivery
    from {{ ref('patient_history') }}

),

known as (

    select
        patient_key,
        valid_from_delivery,
        version_number,
        valid_to_delivery
    from {{ snapshot if is_begun else ref('patient_history') }}
    {% if is_begun %}
        where dbt_valid_to is null and not is_withdrawn
    {% endif %}

),

unknown as (

    select * from version
    except
    select * from known

),

unreal as (

    select * from known
    except
    select * from version

)

select * from unknown
union all
select * from unreal
