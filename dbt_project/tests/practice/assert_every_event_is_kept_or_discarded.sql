-- A returned row is a kind of event of which not every row received is either counted or in discarded_event.
{{ config(meta={'dagster': {'ref': {'name': 'discarded_event'}}}) }}

with discarded_event as (

    select * from {{ ref('discarded_event') }}

),

received as (

    {% for kind in ['claim', 'diagnosis', 'patient'] %}
        select
            '{{ kind }}' as event_kind,
            count(*) as row_count
        from {{ ref('stg_practice__' ~ kind) }}
        {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

discarded as (

    select
        event_kind,
        count(*) as row_count
    from discarded_event
    group by event_kind

),

counted as (

    {% for kind, mart in {'claim': 'claim', 'diagnosis': 'diagnosis', 'patient': 'practice_patient'}.items() %}
        select
            '{{ kind }}' as event_kind,
            count(*) as row_count
        from {{ ref(mart) }}
        {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

different as (

    select
        received.event_kind,
        received.row_count as received_count,
        counted.row_count as counted_count,
        coalesce(discarded.row_count, 0) as discarded_count
    from received
    inner join counted on received.event_kind = counted.event_kind
    left join discarded on received.event_kind = discarded.event_kind
    where received.row_count != counted.row_count + coalesce(discarded.row_count, 0)

)

select * from different
