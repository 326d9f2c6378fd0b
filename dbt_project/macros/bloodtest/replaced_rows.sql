{#
    Whether a row, by the file and load that it came from, stands in the warehouse's raw tables as it did when it was taken
    from them. A file that was loaded anew has another load id; one that was refused then, or found to be a duplicate, has
    none.
#}
{% macro is_of_loaded_file(raw_path, load_id) -%}
    exists (
        select 1
        from {{ ref('stg_catalog__loaded_file') }} as loaded_file
        where loaded_file.raw_path = {{ raw_path }} and loaded_file.load_id = {{ load_id }}
    )
{%- endmacro %}

{# Query of the files, with the load, that rows of the model at hand came from and that do not stand so any more. #}
{% macro replaced_files(raw_path, load_id) -%}
    select
        row_file.raw_path,
        row_file.load_id
    from (
        select distinct
            present.{{ raw_path }} as raw_path,
            present.{{ load_id }} as load_id
        from {{ this }} as present
    ) as row_file
    where not {{ is_of_loaded_file('row_file.raw_path', 'row_file.load_id') }}
{%- endmacro %}

{# Whether a row of the model at hand came from one of them. #}
{% macro is_of_replaced_file(raw_path, load_id) -%}
    ({{ raw_path }}, {{ load_id }}) in ({{ replaced_files(raw_path, load_id) }})
{%- endmacro %}

{#
    Whether there is any such file. Asked before the model's own query is written, since in nearly every build there is none, and to
    look for their rows all the same takes the engine longer than all else.
#}
{% macro has_replaced_files(raw_path, load_id) -%}
    {%- set query = replaced_files(raw_path, load_id) -%}
    {{ return(execute and run_query(query).rows | length > 0) }}
{%- endmacro %}

{#
    For the post_hook of an incremental model whose rows carry their lineage: what is left of files that were loaded anew
    goes, in the transaction that brought what they say now.
#}
{% macro delete_replaced_rows(raw_path, load_id) -%}
    {%- set files = ref('stg_catalog__loaded_file') -%}
    {%- if has_replaced_files(raw_path, load_id) -%}
        delete from {{ this }} where {{ is_of_replaced_file(raw_path, load_id) }}
    {%- endif -%}
{%- endmacro %}

{#
    For the post_hook of int_bloodtest_patient__scd2: patients of whom no record is left, their file having been loaded
    anew without them.
#}
{% macro delete_forgotten_patients() -%}
    {%- set delivered = ref('int_bloodtest_patient__records') -%}
    delete from {{ this }}
    where
        patient_key in (select withdrawn.patient_key from {{ delivered }} as withdrawn where withdrawn.is_withdrawn)
        and patient_key not in (select present.patient_key from {{ delivered }} as present where not present.is_withdrawn)
{%- endmacro %}

{#
    Whether tests are gone, or came anew, since patient_test_summary looked at them, as when their file was loaded anew. Then
    the tests that it counted and those of later loads are not all tests, and nothing else says whose are gone.
#}
{% macro has_lost_tests(test) -%}
    {%- set query -%}
        select
            (select count(*) from {{ test }}) != (
                select coalesce(sum(present.test_count), 0) from {{ this }} as present
            ) + (
                select count(*) from {{ test }} as test
                where test.load_id > (select coalesce(max(present.last_load_id), 0) from {{ this }} as present)
            )
    {%- endset -%}
    {{ return(execute and run_query(query).columns[0].values()[0]) }}
{%- endmacro %}

{# For the post_hook of patient_test_summary: patients of whom no test is left. #}
{% macro delete_untested_patients() -%}
    {%- set test = ref('bloodtest') -%}
    {%- if is_incremental() -%}
        delete from {{ this }} as present
        where
            (select coalesce(sum(counted.test_count), 0) from {{ this }} as counted) != (select count(*) from {{ test }})
            and not exists (
                select 1
                from {{ test }} as test
                where test.clinic = present.clinic and test.patient_id = present.patient_id
            )
    {%- endif -%}
{%- endmacro %}
