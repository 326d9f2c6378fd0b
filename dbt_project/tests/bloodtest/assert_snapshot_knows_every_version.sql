-- A returned row is a version of a patient that the snapshot lacks, or one that it has in excess: it was not run after
-- the models. (`dbt build` runs it, `dbt run` does not.)
-- depends_on: {{ ref('patient_history_snapshot') }}
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'patient_history'}}}) }}

{% set snapshot = ref('patient_history_snapshot') %}
{% set has_snapshot = relation_exists(snapshot) %}

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
    from {{ snapshot if has_snapshot else ref('patient_history') }}
    {% if has_snapshot %}
        where dbt_valid_to is null
    {% endif %}

),

compared as (

    select
        coalesce(version.patient_key, known.patient_key) as patient_key,
        coalesce(version.valid_from_delivery, known.valid_from_delivery) as valid_from_delivery,
        version.version_number,
        known.version_number as known_version_number,
        version.valid_to_delivery,
        known.valid_to_delivery as known_valid_to_delivery
    from version
    full outer join known
        on version.patient_key = known.patient_key and version.valid_from_delivery = known.valid_from_delivery
    where
        version.version_number is distinct from known.version_number
        or version.valid_to_delivery is distinct from known.valid_to_delivery

)

select * from compared
