{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['raw_path'],
        on_schema_change='fail',
    )
}}

-- A row of a file that was loaded anew since, or went, stays until its path comes again: whoever reads this joins the
-- files as they are now.
with reading as (

    select * from {{ ref('stg_wearable__reading') }}

),

file as (

    select * from {{ ref('stg_wearable__file') }}

),

{% if is_incremental() %}

    known as (

        select distinct
            raw_path,
            load_id
        from {{ this }}

    ),

    new_file as (

        select
            file.raw_path,
            file.load_id
        from file
        left join known on file.raw_path = known.raw_path and file.load_id = known.load_id
        where known.raw_path is null

    ),

{% else %}

    new_file as (

        select
            raw_path,
            load_id
        from file

    ),

{% endif %}

covered as (

    select
        reading._raw_path as raw_path,
        reading._load_id as load_id,
        reading.series_id,
        reading.participant_key,
        reading.metric,
        reading.written_on,
        reading.sleep_date,
        reading.utc_time is not null as is_utc,
        min(coalesce(reading.utc_time, reading.local_time)) as first_time,
        max(coalesce(reading.utc_time, reading.local_time)) as last_time,
        count(*) as reading_count
    from reading
    inner join new_file on reading._load_id = new_file.load_id and reading._raw_path = new_file.raw_path
    {% if is_incremental() %}
        -- what is new was loaded after all that is here
        where reading._load_id > {{ max_load_id(this) }}
    {% endif %}
    group by all

)

select * from covered
