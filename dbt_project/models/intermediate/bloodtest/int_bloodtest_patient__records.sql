{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['delivery', 'path_below', '_raw_path', '_row_number', '_load_id', 'drops_absent'],
        on_schema_change='fail',
    )
}}

{% set columns = [
    'patient_key', 'doctor_key', 'clinic', 'patient_id', 'doctor_id', 'age_years', 'sex', 'height_cm', 'weight_kg',
    'first_name', 'last_name', 'address', 'practice_name', 'doctor_name', 'delivery', 'path_below', 'drops_absent',
    '_raw_path', '_row_number', '_load_id',
] %}

-- Grows by files: what a delivery brings, and what is loaded anew or counts no more, is looked at; the rest is not.
-- Large tables are named where they are read: the engine would keep the whole of a CTE that is read twice.
with patient as (

    select * from {{ ref('stg_bloodtest__patient') }}

),

patient_file as (

    select * from {{ ref('stg_bloodtest__patient_file') }}

),

load as (

    select * from {{ ref('stg_catalog__load') }}

),

{% if is_incremental() %}

    present_file as (

        select distinct
            clinic,
            delivery,
            path_below,
            _raw_path,
            _load_id,
            drops_absent
        from {{ this }}
        where not is_withdrawn

    ),

    compared as (

        select
            coalesce(patient_file.clinic, present_file.clinic) as clinic,
            coalesce(patient_file.delivery, present_file.delivery) as delivery,
            coalesce(patient_file.path_below, present_file.path_below) as path_below,
            coalesce(patient_file.loaded_raw_path, present_file._raw_path) as loaded_raw_path,
            coalesce(patient_file.load_id, present_file._load_id) as load_id,
            coalesce(patient_file.drops_absent, present_file.drops_absent) as drops_absent,
            patient_file.clinic is null as is_gone
        from patient_file
        full outer join present_file
            on
                patient_file.clinic = present_file.clinic
                and patient_file.delivery = present_file.delivery
                and patient_file.path_below = present_file.path_below
                and patient_file.loaded_raw_path = present_file._raw_path
                and patient_file.load_id = present_file._load_id
                and patient_file.drops_absent = present_file.drops_absent
        where patient_file.clinic is null or present_file.clinic is null

    ),

    note as (

        -- a number of this build's own, no less than that of any load so far
        select
            greatest(
                (select coalesce(max(load.load_id), 0) from load),
                (select coalesce(max(present.noted_load_id), 0) + 1 from {{ this }} as present)
            ) as noted_load_id

    ),

    came as (

        select * from compared
        where not is_gone

    ),

    withdrawn as (

        select
            {{ columns_of('present', columns) }},
            true as is_withdrawn,
            note.noted_load_id
        from {{ this }} as present
        inner join compared
            on
                present.clinic = compared.clinic
                and present.delivery = compared.delivery
                and present.path_below = compared.path_below
                and present._raw_path = compared.loaded_raw_path
                and present._load_id = compared.load_id
                and present.drops_absent = compared.drops_absent
        cross join note
        where compared.is_gone and not present.is_withdrawn

    ),

{% else %}

    note as (

        select coalesce(max(load_id), 0) as noted_load_id
        from load

    ),

    came as (

        select * from patient_file

    ),

{% endif %}

delivered as (

    select
        patient.patient_key,
        patient.doctor_key,
        patient.clinic,
        patient.patient_id,
        patient.doctor_id,
        patient.age_years,
        patient.sex,
        patient.height_cm,
        patient.weight_kg,
        patient.first_name,
        patient.last_name,
        patient.address,
        patient.practice_name,
        patient.doctor_name,
        came.delivery,
        came.path_below,
        came.drops_absent,
        patient._raw_path,
        patient._row_number,
        patient._load_id,
        false as is_withdrawn,
        note.noted_load_id
    from patient
    inner join came on patient._load_id = came.load_id and patient._raw_path = came.loaded_raw_path
    cross join note

),

noted as (

    select * from delivered

    {% if is_incremental() %}

        union all

        select * from withdrawn

    {% endif %}

)

select
    {% for column in columns %}
        {{ column }},
    {% endfor %}
    is_withdrawn,
    noted_load_id
from noted
