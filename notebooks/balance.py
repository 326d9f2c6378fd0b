"""Balance trainers: consents over time, dropped rows with reasons, readings for training, and sample signals."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(
    width="medium",
    app_title="Balance trainers",
    sql_output="native",
)


@app.cell(hide_code=True)
def _():
    from datetime import datetime

    import altair as alt
    import marimo as mo
    import pyarrow as pa

    from notebooks import _chart as chart
    from notebooks._published import open_publication, text

    return alt, chart, datetime, mo, open_publication, pa, text


@app.cell(hide_code=True)
def _(open_publication):
    publication = open_publication(
        "Balance trainers",
        "Readings of trainers and phones, only of customers who agreed to share their data for research.",
        source="balance",
        needs=["balance.funnel"],
        reads=["balance.consent_week", "balance.excluded_device_count", "balance.machine_learning_curated"],
    )
    published = publication.con
    publication.heading
    return publication, published


@app.cell(hide_code=True)
def _(mo):
    entities = {
        "customers": ("customer", "customers"),
        "phone readings": ("accelerometer", "readings"),
        "trainer readings": ("step_trainer", "readings"),
    }
    entity = mo.ui.radio(entities, value="customers", inline=True, label="Show")
    entity
    return (entity,)


@app.cell(hide_code=True)
def _(chart, training):
    _readings, _people, _begin, _end = training.fetchone()
    chart.figures(
        (f"{_readings:,}", "Readings for training", "pairs of phone and trainer"),
        (f"{_people:,}", "Participants with readings"),
        (f"{_begin:%Y-%m-%d} – {_end:%Y-%m-%d}" if _begin else "none", "Readings taken"),
    )
    return


@app.cell
def _(mo, published):
    training = mo.sql(
        """
        select count(*), count(distinct participant_key), min(measured_at), max(measured_at)
        from balance.machine_learning_curated
        """,
        output=False,
        engine=published,
    )
    return (training,)


@app.cell(hide_code=True)
def _(alt, chart, entity, funnel, mo):
    _rows = chart.table(funnel)
    _steps = ["delivered → readable", "readable → consented", "consented → for training"]
    _unit = "customers (in the first step: their records)" if entity.value[0] == "customer" else entity.value[1]
    _base = alt.Chart(_rows).encode(
        x=alt.X("row_count:Q", title=_unit, axis=alt.Axis(format=",d", labelOverlap=True, tickMinStep=1)),
        tooltip=[
            alt.Tooltip("step:N", title="step"),
            alt.Tooltip("outcome:N", title="outcome"),
            alt.Tooltip("row_count:Q", title=entity.value[1], format=","),
            alt.Tooltip("share:Q", title="share of this step", format=".1%"),
        ],
    )
    _colour = alt.Color(
        "is_kept:N",
        title=None,
        scale=alt.Scale(domain=[True, False], range=[chart.BLUE, chart.ORANGE]),
        legend=alt.Legend(labelExpr="datum.value ? 'kept' : 'dropped'"),
    )

    def _step(step):
        outcomes = [row["outcome"] for row in _rows.to_pylist() if row["step"] == step]
        bars = _base.encode(y=alt.Y("outcome:N", title=None, sort=outcomes))
        return alt.layer(
            bars.mark_bar().encode(color=_colour),
            bars.mark_text(align="left", dx=4, color="#404040").encode(text=alt.Text("row_count:Q", format=",")),
            title=step,
            height=26 * max(len(outcomes), 1),
            width="container",
        ).transform_filter(alt.datum.step == step)

    mo.vstack(
        [
            mo.md("""
        ## Kept and dropped rows

        Each step divides the rows that the step before has kept. A row passes *consented* only if there is proof of
        consent.
        """),
            chart.shown(mo.vstack([_step(_name) for _name in _steps]), _rows, "There are no deliveries of this kind."),
        ]
    )
    return


@app.cell
def _(entity, mo, published, text):
    funnel = mo.sql(
        f"""
        select
            case from_zone
                when 'lake' then 'delivered → readable'
                when 'landing' then 'readable → consented'
                else 'consented → for training'
            end as step,
            outcome,
            is_kept,
            row_count,
            row_count / sum(row_count) over (partition by from_zone) as share,
            row_number() over (order by from_zone, is_kept desc, row_count desc) as bar_order
        from balance.funnel
        where entity = {text(entity.value[0])} and (row_count > 0 or is_kept)
        order by bar_order
        """,
        output=False,
        engine=published,
    )
    return (funnel,)


@app.cell(hide_code=True)
def _(alt, chart, consents, mo):
    _rows = chart.table(consents)
    _x = alt.X("week_start_on:T", title="week beginning on", axis=alt.Axis(format="%Y-%m-%d", labelOverlap=True))
    _changes = (
        alt.Chart(_rows, title="Consents given and withdrawn, by week", height=180, width="container")
        .transform_fold(["given", "withdrawn"], as_=["change", "customers"])
        .mark_bar(size=18)
        .encode(
            x=_x,
            y=alt.Y("customers:Q", title="customers", axis=alt.Axis(tickMinStep=1)),
            color=alt.Color(
                "change:N", title=None, scale=alt.Scale(domain=["given", "withdrawn"], range=[chart.BLUE, chart.ORANGE])
            ),
            tooltip=[
                alt.Tooltip("week_start_on:T", title="week of", format="%Y-%m-%d"),
                alt.Tooltip("change:N"),
                alt.Tooltip("customers:Q", format=","),
            ],
        )
    )
    _total = (
        alt.Chart(_rows, title="Customers who consent", height=180, width="container")
        .mark_line(point=True, interpolate="step-after")
        .encode(
            x=_x,
            y=alt.Y("consenting:Q", title="customers"),
            tooltip=[
                alt.Tooltip("week_start_on:T", title="week of", format="%Y-%m-%d"),
                alt.Tooltip("consenting:Q", title="customers", format=","),
            ],
        )
    )
    mo.vstack(
        [
            mo.md("## Consent over time\n\nAfter a withdrawal, the next build removes the customer's readings."),
            chart.shown(mo.hstack([_changes, _total], widths="equal"), _rows, "Nobody has consented yet."),
        ]
    )
    return


@app.cell
def _(chart, mo, published):
    consents = mo.sql(
        f"""
        with week as (
            select
                week_start_on,
                sum(given_count)::bigint as given,
                -sum(withdrawn_count)::bigint as withdrawn
            from balance.consent_week
            group by week_start_on
        )

        select *, sum(given + withdrawn) over (order by week_start_on) as consenting
        from week
        order by week_start_on desc
        limit {chart.MAX_POINTS}
        """,
        output=False,
        engine=published,
    )
    return (consents,)


@app.cell(hide_code=True)
def _(chart, excluded, mo):
    _rows = chart.table(excluded)
    mo.vstack(
        [
            mo.md("## Excluded devices\n\nTrainers whose readings are excluded, by reason. Devices are not named."),
            chart.shown(
                chart.bars(_rows, "devices", "reason", title="", unit="devices", colour=chart.ORANGE),
                _rows,
                "No device is excluded.",
            ),
        ]
    )
    return


@app.cell
def _(mo, published):
    excluded = mo.sql(
        """
        select reason, sum(device_count)::bigint as devices, sum(step_reading_count)::bigint as readings
        from balance.excluded_device_count
        group by reason
        order by devices desc
        """,
        output=False,
        engine=published,
    )
    return (excluded,)


@app.cell(hide_code=True)
def _(mo, publication):
    _people = publication.values(
        """
        select participant_key from balance.machine_learning_curated
        group by participant_key order by count(*) desc, participant_key limit 200
        """
    )
    mo.stop(not _people, mo.md("## A sample of the training table\n\nNo reading may be used for training yet."))
    # A pseudonym is long; its beginning is enough to tell pseudonyms apart.
    _options = {f"{_key[:8]}…": _key for _key in _people}
    participant = mo.ui.dropdown(
        _options, value=next(iter(_options)), label="Participant", searchable=True, allow_select_none=False
    )
    return (participant,)


@app.cell(hide_code=True)
def _(datetime, mo, participant, publication, text):
    # There is a reading every 300 ms; after a pause of a minute, another training begins.
    _begins = publication.values(
        f"""
        select measured_at from balance.machine_learning_curated
        where participant_key = {text(participant.value)}
        qualify coalesce(measured_at - lag(measured_at) over (order by measured_at) > interval 1 minute, true)
        order by measured_at
        """
    )
    _options = {
        f"{_begin:%Y-%m-%d %H:%M:%S}": (_begin, _next)
        for _begin, _next in zip(_begins, [*_begins[1:], datetime.max], strict=True)
    }
    training_day = mo.ui.dropdown(_options, value=next(iter(_options)), label="Training", allow_select_none=False)
    mo.vstack(
        [
            mo.md("""
        ## A sample of the training table

        Readings of one participant: the acceleration of the phone in three directions, and the distance between trainer
        and object at the same times. Participants have pseudonyms.
        """),
            mo.hstack([participant, training_day], justify="start", gap=2, wrap=True),
        ]
    )
    return (training_day,)


@app.cell(hide_code=True)
def _(alt, chart, mo, pa, signals):
    _rows = chart.table(signals)
    _times, _distance = _rows["measured_at"].to_numpy(), _rows["distance_from_object_cm"].to_numpy(zero_copy_only=False)
    _axis = alt.Axis(title="time, UTC", format="%H:%M:%S", labelOverlap=True)
    _acceleration = pa.concat_tables(
        chart.line(_times, _rows[_name].to_numpy(zero_copy_only=False), direction=_name) for _name in ("x", "y", "z")
    )
    mo.vstack(
        [
            alt.Chart(_acceleration, title="Acceleration of the phone", height=180, width="container")
            .mark_line(point=alt.OverlayMarkDef(size=16))
            .encode(
                x=alt.X("at:T", axis=_axis),
                y=alt.Y("value:Q", title="acceleration, as delivered", scale=alt.Scale(zero=False)),
                color=alt.Color("direction:N", title="Direction"),
                tooltip=[
                    alt.Tooltip("at:T", format="%Y-%m-%d %H:%M:%S.%L"),
                    "direction:N",
                    alt.Tooltip("value:Q", format=".2f"),
                ],
            ),
            alt.Chart(
                chart.line(_times, _distance),
                title="Distance from the object",
                height=180,
                width="container",
            )
            .mark_line(point=alt.OverlayMarkDef(size=16))
            .encode(
                x=alt.X("at:T", axis=_axis),
                y=alt.Y("value:Q", title="distance, cm", scale=alt.Scale(zero=False)),
                tooltip=[
                    alt.Tooltip("at:T", format="%Y-%m-%d %H:%M:%S.%L"),
                    alt.Tooltip("value:Q", title="cm", format=".0f"),
                ],
            ),
        ]
    )
    return


@app.cell
def _(mo, participant, published, text, training_day):
    signals = mo.sql(
        f"""
        select measured_at, x, y, z, distance_from_object_cm
        from balance.machine_learning_curated
        where
            participant_key = {text(participant.value)}
            and measured_at >= {text(training_day.value[0])}
            and measured_at < {text(training_day.value[1])}
        order by measured_at
        """,
        output=False,
        engine=published,
    )
    return (signals,)


if __name__ == "__main__":
    app.run()
