-- the contract names the columns
with final as (

    select * from {{ ref('int_ecg_feature__variance_components') }}

)

select * from final
