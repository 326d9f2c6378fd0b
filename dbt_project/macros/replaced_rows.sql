{#
    Whether a row, by its lineage, stands in the warehouse's raw tables as it did when it was taken from them. A file that
    was loaded anew has another load id; one that was refused then, or found to be a duplicate, has none.
#}
{% macro is_of_loaded_file(row) -%}
    exists (
        select 1
        from {{ ref('stg_catalog__loaded_file') }} as loaded_file
        where loaded_file.raw_path = {{ row }}._raw_path and loaded_file.load_id = {{ row }}._load_id
    )
{%- endmacro %}

{#
    For the post_hook of an incremental model whose rows carry their lineage: what is left of files that were loaded anew
    goes, in the transaction that brought what they say now.
#}
{% macro delete_replaced_rows() -%}
    delete from {{ this }} as row_here where not {{ is_of_loaded_file('row_here') }}
{%- endmacro %}
