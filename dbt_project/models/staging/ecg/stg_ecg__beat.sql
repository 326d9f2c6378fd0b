-- The beats lie in Parquet files that the same step writes as raw.ecg_run_feature, with the columns described in YAML.
-- The folder always holds one file without rows, so that it can be read before the first run is loaded.
-- depends_on: {{ source('raw', 'ecg_run_feature') }}
with final as (

    select * from {{ read_parquet_folder('processed/measurement=ecg_beat') }}

)

select * from final
