{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        post_hook="{{ delete_replaced_rows('_raw_path', '_load_id') }}",
    )
}}

-- Asking all tests for the names of a few dozen labs would cost more with each load.
with log as (

    select * from {{ ref('stg_bloodtest__log') }}

),

new as (

    select log.*
    from log
    {% if is_incremental() %}
        where log._load_id > (select coalesce(max(present._load_id), 0) from {{ this }} as present)
    {% endif %}

),

named as (

    select
        lab_key,
        clinic,
        lab_id,
        lab_name,
        city,
        _raw_path,
        _load_id,
        count(*) as record_count
    from new
    where lab_id is not null
    group by all

)

select * from named
