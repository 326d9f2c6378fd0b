"""Deliveries: files by status, rejected rows with reasons, the last load of each source, failed checks."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Deliveries", sql_output="native")


@app.cell(hide_code=True)
def _():
    import altair as alt
    import marimo as mo
    import pyarrow as pa

    from notebooks import _chart as chart
    from notebooks._published import commands, failed_checks, missing, open_publication, texts

    return (
        alt,
        chart,
        commands,
        failed_checks,
        missing,
        mo,
        open_publication,
        pa,
        texts,
    )


@app.cell(hide_code=True)
def _(open_publication):
    publication = open_publication(
        "Deliveries",
        "Every file that clinics delivered, with its status: loaded, duplicate, waiting or rejected.",
        needs=["catalog.file"],
        reads=["catalog.load_issue"],
    )
    published = publication.con
    publication.heading
    return publication, published


@app.cell(hide_code=True)
def _(mo, publication):
    sources = publication.values("select distinct measurement from catalog.file order by all")
    source = mo.ui.multiselect(sources, value=sources, label="Sources")
    by = mo.ui.radio(
        {"the day in the name": "named_on", "the time when first seen": "first_seen_at"},
        value="the day in the name",
        inline=True,
        label="Show deliveries at",
    )
    mo.hstack([source, by], justify="start", gap=2, wrap=True)
    return by, source


@app.cell(hide_code=True)
def _(chart, failed_checks, publication, total):
    _deliveries, _files, _rows, _rejected, _waiting = total.fetchone()
    _checks = failed_checks(publication.home)
    chart.figures(
        (f"{_deliveries:,}", "Deliveries"),
        (f"{_files:,}", "Files", f"{_waiting or 0:,} waiting or pending"),
        (f"{_rows or 0:,}", "Rows loaded"),
        (f"{_rejected or 0:,}", "Rows rejected"),
        (f"{len(_checks):,}", "Failed checks", "of all sources"),
    )
    return


@app.cell
def _(mo, published, source, texts):
    total = mo.sql(
        f"""
        select
            count(distinct (measurement, clinic, delivery)) as deliveries,
            count(*) as files,
            sum(row_count)::bigint as rows_loaded,
            sum(rejected_count)::bigint as rows_rejected,
            count_if(status in ('waiting', 'pending')) as waiting
        from catalog.file
        where measurement in {texts(source.value)}
        """,
        output=False,
        engine=published,
    )
    return (total,)


@app.cell(hide_code=True)
def _(alt, chart, deliveries, mo):
    _rows = chart.table(deliveries)
    _picture = (
        alt.Chart(_rows, height=alt.Step(44), width="container")
        .mark_circle(opacity=0.75, stroke="white")
        .encode(
            x=alt.X(
                "arrived_at:T",
                title="time, UTC",
                scale=alt.Scale(padding=20),
                axis=alt.Axis(format="%Y-%m-%d", labelOverlap=True),
            ),
            y=alt.Y("from:N", title=None),
            size=alt.Size("files:Q", legend=None, scale=alt.Scale(type="sqrt", range=[60, 700])),
            color=alt.Color(
                "state:N",
                title="Delivery",
                scale=alt.Scale(
                    domain=["all loaded", "some waiting", "some rejected"],
                    range=[chart.BLUE, chart.ORANGE, chart.VERMILLION],
                ),
            ),
            tooltip=[
                alt.Tooltip("from:N", title="from"),
                alt.Tooltip("delivery:N", title="delivery"),
                alt.Tooltip("arrived_at:T", title="time", format="%Y-%m-%d %H:%M"),
                alt.Tooltip("files:Q", title="files", format=","),
                alt.Tooltip("rows:Q", title="rows loaded", format=","),
                alt.Tooltip("rejected_files:Q", title="files rejected", format=","),
                alt.Tooltip("rejected_rows:Q", title="rows rejected", format=","),
                alt.Tooltip("waiting_files:Q", title="files waiting", format=","),
            ],
        )
    )
    mo.vstack(
        [
            mo.md("## Deliveries over time\n\nEach circle is a delivery. A larger circle has more files."),
            chart.shown(
                _picture, _rows, "No delivery of these sources has a day in its name: choose the time when first seen."
            ),
        ]
    )
    return


@app.cell
def _(by, chart, mo, published, source, texts):
    deliveries = mo.sql(
        f"""
        with delivery as (
            select
                measurement || ', ' || clinic as "from",
                delivery,
                -- deliveries are named by a day, or by the time at which they were claimed
                try_cast(regexp_extract(delivery, '^\\d{{4}}-\\d{{2}}-\\d{{2}}') as timestamp) as named_on,
                min(first_crawled_at) as first_seen_at,
                count(*) as files,
                coalesce(sum(row_count), 0)::bigint as rows,
                count_if(status = 'rejected') as rejected_files,
                coalesce(sum(rejected_count), 0)::bigint as rejected_rows,
                count_if(status in ('waiting', 'pending')) as waiting_files
            from catalog.file
            where measurement in {texts(source.value)}
            group by measurement, clinic, delivery
        )

        select
            *,
            {by.value} as arrived_at,
            case
                when rejected_files + rejected_rows > 0 then 'some rejected'
                when waiting_files > 0 then 'some waiting'
                else 'all loaded'
            end as state
        from delivery
        where arrived_at is not null
        order by arrived_at desc, "from"
        limit {chart.MAX_POINTS}
        """,
        output=False,
        engine=published,
    )
    return (deliveries,)


@app.cell(hide_code=True)
def _(alt, chart, mo, statuses):
    _rows = chart.table(statuses)
    _order = ["loaded", "duplicate", "waiting", "pending", "rejected", "missing"]
    _colours = [chart.BLUE, chart.SKY, chart.ORANGE, chart.PURPLE, chart.VERMILLION, chart.GREY]
    _picture = (
        alt.Chart(_rows, height=alt.Step(34), width="container")
        .mark_bar()
        .encode(
            x=alt.X("files:Q", title="files", stack="normalize", axis=alt.Axis(format="%")),
            y=alt.Y("measurement:N", title=None),
            color=alt.Color("status:N", title="Status", scale=alt.Scale(domain=_order, range=_colours)),
            order=alt.Order("status_order:Q"),
            tooltip=["measurement:N", "status:N", alt.Tooltip("files:Q", format=",")],
        )
    )
    mo.vstack(
        [
            mo.md("""
        ## Files by status

        A *duplicate* has the same content as a file that was loaded before. A *waiting* file needs a partner that has
        not been delivered. A *rejected* file could not be read. A *missing* file is no longer in the lake.
        """),
            chart.shown(_picture, _rows, "Choose a source above."),
        ]
    )
    return


@app.cell
def _(mo, published, source, texts):
    statuses = mo.sql(
        f"""
        select
            measurement,
            status,
            count(*) as files,
            list_position(['loaded', 'duplicate', 'waiting', 'pending', 'rejected', 'missing'], status) as status_order
        from catalog.file
        where measurement in {texts(source.value)}
        group by all
        order by all
        """,
        output=False,
        engine=published,
    )
    return (statuses,)


@app.cell(hide_code=True)
def _(chart, mo, problems):
    _rows = chart.table(problems)
    mo.vstack(
        [
            mo.md("""
        ## Rejected rows and files

        The reasons are shown without the values, which may identify a person. `vitalhouse status` shows the full
        reasons.
        """),
            chart.shown(
                chart.listed(_rows), _rows, "No file or row of these sources was rejected, and no file is waiting."
            ),
        ]
    )
    return


@app.cell
def _(mo, published, source, texts):
    problems = mo.sql(
        f"""
        select
            measurement || coalesce(', ' || entity, '') as "from",
            delivery,
            kind as problem,
            problem as reason,
            if(kind = 'row refused', row_count, file_count) as "count",
            regexp_replace(example_raw_path, '^.*?/measurement=[^/]*/[^/]*/', '')
            || coalesce(', line ' || example_line_number, '') as example
        from catalog.load_issue
        where measurement in {texts(source.value)}
        order by "count" desc, "from", delivery, reason
        """,
        output=False,
        engine=published,
    )
    return (problems,)


@app.cell(hide_code=True)
def _(commands, missing, mo, publication, published):
    # If only other sources were built, there is no table of runs.
    mo.stop(not publication.has("ecg.run"), missing("No ECG run is published.", *commands("ecg")))
    published_runs = published
    return (published_runs,)


@app.cell(hide_code=True)
def _(alt, chart, mo, uploads):
    _rows = chart.table(uploads)
    _picture = (
        alt.Chart(_rows, height=alt.Step(26), width="container")
        .mark_bar()
        .encode(
            x=alt.X("runs:Q", title="runs", axis=alt.Axis(format=",d", tickMinStep=1, labelOverlap=True)),
            y=alt.Y("delivery:N", title=None, sort="descending"),
            color=alt.Color(
                "usability:N",
                title="Run",
                scale=alt.Scale(domain=["usable", "not usable"], range=[chart.BLUE, chart.ORANGE]),
            ),
            tooltip=["delivery:N", alt.Tooltip("usability:N", title="run"), alt.Tooltip("runs:Q", format=",")],
        )
    )
    mo.vstack(
        [
            mo.md("## ECG runs by delivery\n\nThe number of runs of each delivery, with the latest delivery on top."),
            chart.shown(_picture, _rows, "No ECG run is published."),
        ]
    )
    return


@app.cell
def _(mo, published_runs):
    uploads = mo.sql(
        """
        with latest as (
            select clinic, delivery
            from ecg.run
            group by clinic, delivery
            order by delivery desc
            limit 40
        )

        select
            clinic || ', ' || delivery as delivery,
            if(is_usable, 'usable', 'not usable') as usability,
            count(*) as runs
        from ecg.run
        inner join latest using (clinic, delivery)
        group by all
        order by all
        """,
        output=False,
        engine=published_runs,
    )
    return (uploads,)


@app.cell(hide_code=True)
def _(chart, loads, mo):
    _rows = chart.table(loads)
    mo.vstack(
        [
            mo.md("## Last load of each source"),
            chart.shown(chart.listed(_rows), _rows, "No file of these sources has been loaded yet."),
        ]
    )
    return


@app.cell
def _(mo, published, source, texts):
    loads = mo.sql(
        f"""
        select
            measurement as source,
            entity as "kind of file",
            date_trunc('second', finished_at) as "loaded at (UTC)",
            file_count as files,
            row_count as rows,
            rejected_count as "rows rejected",
            array_to_string(unknown_fields, ', ') as "unexpected fields"
        from catalog.load
        where measurement in {texts(source.value)}
        qualify row_number() over (partition by measurement, entity order by load_id desc) = 1
        order by measurement, entity
        """,
        output=False,
        engine=published,
    )
    return (loads,)


@app.cell(hide_code=True)
def _(chart, failed_checks, mo, pa, publication):
    _checks = failed_checks(publication.home)
    _results = {"warn": "warning", "fail": "failed: nothing new is published", "error": "could not be run"}
    _rows = pa.table(
        {
            "check": [_check.name.removeprefix("assert_").replace("_", " ") for _check in _checks],
            "table": [_check.relation for _check in _checks],
            "result": [_results[_check.status] for _check in _checks],
            "rows": [_check.failure_count for _check in _checks],
            "checked at (UTC)": [f"{_check.checked_at:%Y-%m-%d %H:%M}" for _check in _checks],
        }
    )
    mo.vstack(
        [
            mo.md("""
        ## Failed checks

        Every build checks its tables. If a check fails, the build publishes nothing, and this page shows the data
        that was published before. A warning does not stop publishing.
        """),
            chart.shown(chart.listed(_rows, page_size=15), _rows, "All checks of the latest builds passed."),
        ]
    )
    return


if __name__ == "__main__":
    app.run()
