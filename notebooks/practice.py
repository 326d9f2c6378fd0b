"""Doctors' offices: revenue by category every ten minutes, discarded events with reasons, frequent codes."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(
    width="medium",
    app_title="Doctors' offices",
    sql_output="native",
)


@app.cell(hide_code=True)
def _():
    from datetime import datetime, time, timedelta

    import altair as alt
    import marimo as mo

    from notebooks import _chart as chart
    from notebooks._published import open_publication, text, texts

    return (
        alt,
        chart,
        datetime,
        mo,
        open_publication,
        text,
        texts,
        time,
        timedelta,
    )


@app.cell(hide_code=True)
def _(open_publication):
    publication = open_publication(
        "Doctors' offices",
        "Revenue of the offices by category of diagnosis, and the events that were discarded.",
        source="practice",
        needs=["practice.claim"],
    )
    published = publication.con
    publication.heading
    return publication, published


@app.cell(hide_code=True)
def _(mo, publication, timedelta):
    offices = publication.values("select distinct clinic from practice.claim order by all")
    categories = publication.values("select distinct category from practice.revenue_10min order by all")
    first_day, last_day = publication.row("select min(received_at)::date, max(received_at)::date from practice.claim")
    office = mo.ui.dropdown(offices, value=offices[0], label="Office", allow_select_none=False)
    category = mo.ui.multiselect(categories, value=categories, label="Categories")
    days = mo.ui.date_range(
        start=first_day,
        stop=last_day,
        value=(max(first_day, last_day - timedelta(days=2)), last_day),
        label="Days",
    )
    mo.hstack([office, category, days], justify="start", gap=2, wrap=True)
    return category, days, office


@app.cell(hide_code=True)
def _(chart, datetime, days, time, timedelta):
    begin, end = (datetime.combine(day, time()) for day in (days.value[0], days.value[1] + timedelta(days=1)))
    step = chart.step_for(begin, end)
    return begin, end, step


@app.cell(hide_code=True)
def _(mo, total):
    _rows = total.fetchall()
    mo.hstack(
        [
            mo.stat(f"{_revenue:,.2f} €", label=_category, caption=f"{_claims:,} claims", bordered=True)
            for _category, _revenue, _claims in _rows
        ],
        justify="start",
        wrap=True,
    )
    return


@app.cell(hide_code=True)
def _(alt, begin, chart, end, revenue, step):
    _rows = chart.table(revenue)
    _picture = (
        alt.Chart(_rows, title=f"Revenue by category, every {step}", height=chart.HEIGHT, width="container")
        .mark_bar(orient="vertical")
        .encode(
            x=alt.X("begin:T", axis=chart.time_axis(begin, end)),
            x2="end:T",
            y=alt.Y("revenue_eur:Q", title="revenue, €", stack=True),
            color=alt.Color("category:N", title="Category"),
            tooltip=[
                alt.Tooltip("begin:T", title="from", format="%Y-%m-%d %H:%M"),
                alt.Tooltip("end:T", title="to", format="%Y-%m-%d %H:%M"),
                alt.Tooltip("category:N", title="category"),
                alt.Tooltip("revenue_eur:Q", title="revenue, €", format=",.2f"),
                alt.Tooltip("claims:Q", title="claims"),
            ],
        )
    )
    chart.shown(_picture, _rows, "No revenue in these categories on these days.")
    return


@app.cell
def _(begin, category, chart, end, mo, office, published, step, text, texts):
    revenue = mo.sql(
        f"""
        select
            time_bucket(interval '{chart.STEPS[step]} seconds', window_start_at) as "begin",
            "begin" + interval '{chart.STEPS[step]} seconds' as "end",
            category,
            sum(revenue_eur)::double as revenue_eur,
            sum(claim_count)::bigint as claims
        from practice.revenue_10min
        where
            clinic = {text(office.value)}
            and category in {texts(category.value)}
            and window_start_at >= {text(begin)}
            and window_start_at < {text(end)}
        group by all
        order by all
        """,
        output=False,
        engine=published,
    )
    return (revenue,)


@app.cell
def _(begin, category, end, mo, office, published, text, texts):
    total = mo.sql(
        f"""
        select category, sum(revenue_eur)::double as revenue_eur, sum(claim_count)::bigint as claims
        from practice.revenue_10min
        where
            clinic = {text(office.value)}
            and category in {texts(category.value)}
            and window_start_at >= {text(begin)}
            and window_start_at < {text(end)}
        group by category
        order by category
        """,
        output=False,
        engine=published,
    )
    return (total,)


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## Discarded events

    An event that cannot be used is discarded with a reason. The numbers are for the selected office and days.
    """)
    return


@app.cell(hide_code=True)
def _(alt, chart, discarded):
    _rows = chart.table(discarded)
    _picture = (
        alt.Chart(_rows, title="Discarded events by reason", height=alt.Step(28), width="container")
        .mark_bar()
        .encode(
            x=alt.X("events:Q", title="events", axis=alt.Axis(tickMinStep=1)),
            y=alt.Y("reason:N", title=None, sort="-x"),
            color=alt.Color("kind:N", title="Kind of event"),
            tooltip=["reason:N", "kind:N", alt.Tooltip("events:Q", format=",")],
        )
    )
    chart.shown(_picture, _rows, "No event was discarded on these days.")
    return


@app.cell
def _(begin, end, mo, office, published, text):
    discarded = mo.sql(
        f"""
        select reason, event_kind as kind, count(*) as events
        from practice.discarded_event
        where
            clinic = {text(office.value)}
            and received_at >= {text(begin)}
            and received_at < {text(end)}
        group by all
        order by events desc
        """,
        output=False,
        engine=published,
    )
    return (discarded,)


@app.cell(hide_code=True)
def _(mo):
    kind = mo.ui.radio(["Claims", "Diagnoses"], value="Claims", inline=True, label="Show codes of")
    mo.vstack([mo.md("## The most frequent codes"), kind])
    return (kind,)


@app.cell(hide_code=True)
def _(chart, codes, kind):
    _rows = chart.table(codes)
    _title = "The 15 most frequent claim codes" if kind.value == "Claims" else "The 15 most frequent ICD-10 codes"
    chart.shown(
        chart.bars(_rows, "events", "code", title=_title, unit=kind.value.lower()),
        _rows,
        f"No {kind.value.lower()} on these days.",
    )
    return


@app.cell
def _(begin, end, kind, mo, office, published, text):
    codes = mo.sql(
        f"""
        with event as (
            select 'Claims' as kind, clinic, claim_code as code, received_at from practice.claim
            union all
            select 'Diagnoses' as kind, clinic, icd10_code as code, received_at from practice.diagnosis
        )

        select code, count(*) as events
        from event
        where
            kind = {text(kind.value)}
            and clinic = {text(office.value)}
            and received_at >= {text(begin)}
            and received_at < {text(end)}
        group by code
        order by events desc, code
        limit 15
        """,
        output=False,
        engine=published,
    )
    return (codes,)


if __name__ == "__main__":
    app.run()
