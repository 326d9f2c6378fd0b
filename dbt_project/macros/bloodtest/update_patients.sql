{#
    For the pre_hook of the tests: gives tests that stand there their patient and doctor where these came, went or changed.

    Which patients may have: those noted since the latest load that brought tests. A build notes patients with a number no
    less than that of any load so far, so that none is missed; some are looked at twice, which changes nothing.
#}
{% macro update_patients_of_tests() -%}
    {%- set delivered = ref('int_bloodtest_patient__records') -%}
    {%- set versioned = ref('int_bloodtest_patient__scd2') -%}
    {%- set patient = ref('patient') -%}
    {%- if is_incremental() -%}
        update {{ this }} as test
        set patient_key = now.patient_key, doctor_key = now.doctor_key
        from (
            with watermark as (

                select coalesce(max(load_id), 0) as load_id
                from {{ this }}

            ),

            noted as (

                select
                    clinic,
                    patient_id,
                    patient_key
                from {{ delivered }}
                where noted_load_id >= (select load_id from watermark)

                union

                select
                    clinic,
                    patient_id,
                    patient_key
                from {{ versioned }}
                where noted_load_id >= (select load_id from watermark)

            )

            select
                noted.clinic,
                noted.patient_id,
                coalesce(patient.patient_key, '{{ unknown_key() }}') as patient_key,
                coalesce(patient.doctor_key, '{{ unknown_key() }}') as doctor_key
            from noted
            left join {{ patient }} as patient on noted.patient_key = patient.patient_key
        ) as now
        where
            test.clinic = now.clinic
            and test.patient_id = now.patient_id
            and (test.patient_key != now.patient_key or test.doctor_key != now.doctor_key)
    {%- endif -%}
{%- endmacro %}
