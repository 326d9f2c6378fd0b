{#
    Whether a row, by the file and load that it came from, stands in the warehouse's raw tables as it did when it was taken from them. A file that
    was loaded anew has another load id; one that was refused then, or found to be a duplicate, has none.
#}
{% macro is_of_loaded_file(raw_path, load_id) -%}
    exists (
        select 1
        from {{ ref('stg_catalog__loaded_file') }} as loaded_file
        where loaded_file.raw_path = {{ raw_path }} and loaded_file.load_id = {{ load_id }}
    )
{%- endmacro %}

{#
    For the post_hook of an incremental model whose rows carry their lineage: what is left of files that were loaded anew
    goes, in the transaction that brought what they say now.
#}
{% macro delete_replaced_rows(raw_path, load_id) -%}
    delete from {{ this }} as old_row
    where not {{ is_of_loaded_file('old_row.' ~ raw_path, 'old_row.' ~ load_id) }}
{%- endmacro %}
