{#
    Every row of a stream of events, numbered within its id in the order of arrival: number 1 stands, the others are repeats.

    The order is that of `received_at`; at the same microsecond that of the file's name and the row in it; last comes the
    content. None of them depends on the order of loading, so whatever that was, the same event stands.

    Incremental: ids of which rows came since, or went (their file was loaded anew, or is no longer what it was), are decided
    again, all their rows at once; only rows whose number is another one now are written. A row that went stays with a null
    number: who sums up windows must hear of it. Rows of a load only ever go, so a count of all shows cheaply whether any did.
    The model's unique key is the row: load, file and number in it.

    decision_number: twice the latest load of the source when the row was decided, and one more unless everything was built.
    What reads this table incrementally, and has gone up to a load, takes the rows of a higher number than twice that: what
    was decided since, and what was decided at the same load (rows may go without a new one), but not the first build's,
    which left nobody behind.

    Arguments
        staged: name of the staging model, one row per row received, with clinic, received_at and lineage.
        id: column of the event's id within the clinic.
        content: the columns that a repeat may say otherwise.
#}
{% macro numbered_by_arrival(staged, id, content) %}
    {% set content_of_present = 'present.' ~ content | join(', present.') %}
    {% set columns = ['clinic', id] + content + ['received_at', '_raw_path', '_row_number', '_load_id'] %}
with event as {{ in_place() }} (

    select * from {{ ref(staged) }}

),

load as (

    select * from {{ ref('stg_catalog__load') }}

),

latest_load as (

    {{ latest_load_of('practice') }}

),

{% if is_incremental() %}

    numbered as {{ in_place() }} (

        select * from {{ this }}

    ),

    new_load as (

        -- joined on, not compared with: so the engine skips what it knows to be of other loads
        select load_id
        from load
        where
            measurement = 'practice'
            and load_id > (select coalesce(max(numbered._load_id), 0) from numbered)

    ),

    arrived as (

        select event.*
        from event
        inner join new_load on event._load_id = new_load.load_id

    ),

    lost as (

        -- one row if any row went: in nearly every build there is none, and the engine then skips what is joined with it
        select true as is_lost
        where
            (select count(*) from event) != (select count(*) from arrived)
            + (select count(*) from numbered where numbered.arrival_number is not null)

    ),

    count_before as (

        select
            numbered._load_id,
            count(*) as row_count
        from numbered
        cross join lost
        where numbered.arrival_number is not null
        group by numbered._load_id

    ),

    count_now as (

        select
            event._load_id,
            count(*) as row_count
        from event
        cross join lost
        group by event._load_id

    ),

    changed_load as (

        select count_before._load_id
        from count_before
        left join count_now on count_before._load_id = count_now._load_id
        where count_before.row_count is distinct from count_now.row_count

    ),

    kept_of_changed as (

        select
            event._raw_path,
            event._row_number,
            event._load_id
        from event
        inner join changed_load on event._load_id = changed_load._load_id

    ),

    gone as (

        select
            numbered.clinic,
            numbered.{{ id }},
            numbered._raw_path,
            numbered._row_number,
            numbered._load_id
        from numbered
        inner join changed_load on numbered._load_id = changed_load._load_id
        left join kept_of_changed
            on
                numbered._load_id = kept_of_changed._load_id
                and numbered._raw_path = kept_of_changed._raw_path
                and numbered._row_number = kept_of_changed._row_number
        where numbered.arrival_number is not null and kept_of_changed._load_id is null

    ),

    touched as (

        select
            clinic,
            {{ id }}
        from arrived
        union
        select
            clinic,
            {{ id }}
        from gone

    ),

    before as (

        select numbered.*
        from numbered
        inner join touched on numbered.clinic = touched.clinic and numbered.{{ id }} = touched.{{ id }}
        where numbered.arrival_number is not null

    ),

    before_without_gone as (

        select
            before.*,
            gone._load_id is not null as is_gone
        from before
        left join gone
            on
                before._load_id = gone._load_id
                and before._raw_path = gone._raw_path
                and before._row_number = gone._row_number

    ),

    present as (

        select
            {{ columns | join(', ') }},
            null as number_before,
            null as is_as_first_before
        from arrived
        union all
        select
            {{ columns | join(', ') }},
            arrival_number as number_before,
            is_as_first as is_as_first_before
        from before_without_gone
        where not is_gone

    ),

{% else %}

    present as (

        select {{ columns | join(', ') }}
        from event

    ),

{% endif %}

repeated as (

    select
        clinic,
        {{ id }}
    from present
    group by
        clinic,
        {{ id }}
    having count(*) > 1

),

single as (

    -- nine of ten ids came once: they need no sorting
    select
        present.*,
        1 as arrival_number,
        true as is_as_first
    from present
    left join repeated on present.clinic = repeated.clinic and present.{{ id }} = repeated.{{ id }}
    where repeated.clinic is null

),

ranked as (

    select
        present.*,
        row_number() over arrival as arrival_number,
        ({{ content_of_present }}) = (
            {{ "first_value(" ~ content_of_present | replace(", ", ") over arrival, first_value(") ~ ") over arrival" }}
        ) as is_as_first
    from present
    inner join repeated on present.clinic = repeated.clinic and present.{{ id }} = repeated.{{ id }}
    window
        arrival as (
            partition by present.clinic, present.{{ id }}
            order by
                present.received_at,
                {{ file_name('present._raw_path') }},
                present._row_number,
                {{ content_of_present }},
                present._raw_path
        )

),

numbered_anew as (

    select * from single
    union all
    select * from ranked

),

decided as (

    {% if is_incremental() %}

        select
            {{ columns | join(', ') }},
            arrival_number,
            is_as_first
        from numbered_anew
        where (arrival_number, is_as_first) is distinct from (number_before, is_as_first_before)
        union all
        select
            {{ columns | join(', ') }},
            null as arrival_number,
            null as is_as_first
        from before_without_gone
        where is_gone

    {% else %}

        select * from numbered_anew

    {% endif %}

),

described as (

    select
        decided.clinic,
        decided.{{ id }},
        {% for column in content %}
            decided.{{ column }},
        {% endfor %}
        decided.received_at,
        {{ time_bucket_minutes('decided.received_at', 10) }} as window_start_at,
        cast(decided.arrival_number as integer) as arrival_number,
        decided.is_as_first,
        decided._raw_path,
        decided._row_number,
        decided._load_id,
        {{ decision_number() }} as decision_number
    from decided
    cross join latest_load
    -- so that a span of time is a stretch of the table
    order by decided.received_at

)

select * from described
{%- endmacro %}

{# Number of what is decided in this build; needs a CTE latest_load. #}
{% macro decision_number() -%}
    2 * latest_load.load_id + {{ 1 if is_incremental() else 0 }}
{%- endmacro %}

{#
    Table expression: the decisions since this model's last build, as the one column decision_number; needs a CTE load with
    every load. Listed, so that the engine skips the parts of a table in which there is none.

    Arguments
        load_id: the model's column that says up to which load it had gone when a row was written.
#}
{% macro decisions_since(load_id) -%}
    select 2 * load.load_id + half.number as decision_number
    from load
    cross join (values (0), (1)) as half (number)
    where 2 * load.load_id + half.number > 2 * (select coalesce(max(present.{{ load_id }}), 0) from {{ this }} as present)
{%- endmacro %}

{# Query of a source's latest load, as the one column load_id (0: there is none); needs a CTE load with all loads. #}
{% macro latest_load_of(measurement) -%}
    select coalesce(max(load.load_id), 0) as load_id
    from load
    where load.measurement = '{{ measurement }}'
{%- endmacro %}
