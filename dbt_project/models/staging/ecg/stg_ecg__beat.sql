-- The beats lie in Parquet files that the same step writes as raw.ecg_run_feature, with the columns described in YAML.
-- depends_on: {{ source('raw', 'ecg_run_feature') }}
with final as (

    select * from {{ read_beat_parquet() }}

)

select * from final -- noqa: AM04
