-- A returned row is a relation that has another number of rows after loading the seeded sample deliveries, and
-- nothing else, than was reviewed in seeds/expected_row_count.csv.
{{ config(enabled=var('check_sample_counts'), meta={'dagster': {'ref': {'name': 'expected_row_count'}}}) }}

with expected_row_count as (

    select * from {{ ref('expected_row_count') }}

),

counted as (

    {% for measurement, models in {
        'ecg': ['subject', 'run', 'run_metadata', 'sample'],
        'wearable': [
            'participant', 'participant_day', 'adherence', 'reading_1m', 'reading_15m', 'reading_1h', 'reading_1d',
            'unknown_participant',
        ],
    }.items() %}
        {% if not loop.first %}union all{% endif %}
        {% for model in models %}
            select
                '{{ measurement }}' as measurement,
                '{{ measurement }}.{{ model }}' as relation,
                count(*) as row_count
            from {{ ref(model) }}
            {% if not loop.last %}union all{% endif %}
        {% endfor %}
    {% endfor %}

),

different as (

    select
        expected_row_count.measurement,
        expected_row_count.relation,
        expected_row_count.expected_row_count,
        counted.row_count
    from expected_row_count
    full outer join counted
        on
            expected_row_count.measurement = counted.measurement
            and expected_row_count.relation = counted.relation
    where expected_row_count.expected_row_count is distinct from counted.row_count

)

select * from different
