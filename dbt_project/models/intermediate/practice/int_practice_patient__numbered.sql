with patient as (

    select * from {{ ref('stg_practice__patient') }}

),

numbered as (

    -- a list of patients has no time of receipt: its first delivery, by name, says when it came
    select
        *,
        row_number() over arrival as arrival_number,
        phone_number is not distinct from first_value(phone_number) over arrival
        and first_name is not distinct from first_value(first_name) over arrival
        and last_name is not distinct from first_value(last_name) over arrival as is_as_first
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

select * from numbered
