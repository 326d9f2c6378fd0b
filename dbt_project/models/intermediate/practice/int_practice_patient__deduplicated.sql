with patient as (

    select * from {{ ref('stg_practice__patient') }}

),

final as (

    -- a list of patients has no time of receipt: the name of its delivery orders it
    select
        clinic,
        patient_id,
        phone_number,
        first_name,
        last_name,
        first_delivery,
        _raw_path,
        _row_number,
        _load_id,
        row_number() over arrival as arrival_number,
        (coalesce(phone_number, ''), coalesce(first_name, ''), coalesce(last_name, '')) = (
            coalesce(first_value(phone_number) over arrival, ''),
            coalesce(first_value(first_name) over arrival, ''),
            coalesce(first_value(last_name) over arrival, '')
        ) as is_first_content
    from patient
    window
        arrival as (
            partition by clinic, patient_id
            order by
                first_delivery,
                {{ file_name('_raw_path') }},
                _row_number,
                phone_number,
                first_name,
                last_name,
                _raw_path
        )

)

select * from final
