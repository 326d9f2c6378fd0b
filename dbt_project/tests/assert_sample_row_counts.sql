-- A returned row is a relation that has another number of rows after loading the seeded sample deliveries, and
-- nothing else, than was reviewed in seeds/expected_row_count.csv.
{{ config(enabled=var('check_sample_counts'), meta={'dagster': {'ref': {'name': 'expected_row_count'}}}) }}

{% set relations = [
    ('ecg', 'subject'),
    ('ecg', 'run'),
    ('ecg', 'run_metadata'),
    ('ecg', 'sample'),
    ('ecg', 'quality_window'),
    ('ecg', 'feature_variability'),
    ('ecg', 'identification'),
    ('ecg', 'identification_summary'),
    ('bloodtest', 'bloodtest'),
    ('bloodtest', 'patient'),
    ('bloodtest', 'patient_history'),
    ('bloodtest', 'doctor'),
    ('bloodtest', 'lab'),
    ('bloodtest', 'patient_test_summary'),
    ('bloodtest', 'patient_watchlist'),
    ('practice', 'practice_patient'),
    ('practice', 'claim'),
    ('practice', 'diagnosis'),
    ('practice', 'discarded_event'),
    ('practice', 'revenue_10min'),
    ('practice', 'revenue_10min_gapless'),
    ('balance', 'customer_curated'),
    ('balance', 'machine_learning_curated'),
    ('balance', 'excluded_device'),
    ('balance', 'consent_change'),
    ('balance', 'excluded_device_count'),
    ('balance', 'consent_week'),
    ('wearable', 'participant'),
    ('wearable', 'participant_day'),
    ('wearable', 'adherence'),
    ('wearable', 'reading_1m'),
    ('wearable', 'reading_15m'),
    ('wearable', 'reading_1h'),
    ('wearable', 'reading_1d'),
    ('wearable', 'unknown_participant'),
] %}

with expected_row_count as (

    -- only of sources with loaded files
    select * from {{ ref('expected_row_count') }}
    where measurement in (select came.measurement from {{ ref('stg_catalog__file') }} as came)

),

counted as (

    {% for measurement, model in relations %}
        select
            '{{ measurement }}' as measurement,
            '{{ measurement }}.{{ ref(model).identifier }}' as relation,
            count(*) as row_count
        from {{ ref(model) }}
        {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

different as (

    select
        expected_row_count.measurement,
        expected_row_count.relation,
        expected_row_count.expected_row_count,
        counted.row_count
    from expected_row_count
    left join counted
        on
            expected_row_count.measurement = counted.measurement
            and expected_row_count.relation = counted.relation
    where expected_row_count.expected_row_count is distinct from counted.row_count

)

select * from different
