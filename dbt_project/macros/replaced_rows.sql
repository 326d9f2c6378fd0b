{#
    Whether a row's file stands in the warehouse as it was when the row was taken from it. A file that was loaded anew has
    another load id; one that was refused then, or found to be a duplicate, another status.
#}
{% macro is_of_current_file(row) -%}
    exists (
        select 1
        from {{ source('catalog', 'file') }} as current_file
        where
            current_file.raw_path = {{ row }}._raw_path
            and current_file.load_id = {{ row }}._load_id
            and current_file.status in ('loaded', 'missing')
    )
{%- endmacro %}

{#
    For the post_hook of an incremental model whose rows carry their lineage: what is left of files that were loaded anew
    goes, in the transaction that brought what they say now.
#}
{% macro delete_replaced_rows() -%}
    delete from {{ this }} as row_here where not {{ is_of_current_file('row_here') }}
{%- endmacro %}
