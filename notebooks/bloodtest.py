"""Blood tests: tests by lab and month, blood pressure by age and sex, implausible values, the watch list.

(More than 400 lines: each picture has its SQL beside it, in a cell of its own.)
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Blood tests", sql_output="native")


@app.cell(hide_code=True)
def _():
    from datetime import timedelta

    import altair as alt
    import marimo as mo

    from notebooks import _chart as chart
    from notebooks._published import open_publication, text, texts

    return alt, chart, mo, open_publication, text, texts, timedelta


@app.cell(hide_code=True)
def _(open_publication):
    publication = open_publication(
        "Blood tests",
        "Results of laboratory tests. They are for research and are no medical advice.",
        source="bloodtest",
        needs=["bloodtest.bloodtest"],
    )
    published = publication.con
    publication.heading
    return publication, published


@app.cell(hide_code=True)
def _(mo, publication):
    _clinics = publication.values("select distinct clinic from bloodtest.bloodtest order by all")
    _first, _last = publication.row("select min(tested_at)::date, max(tested_at)::date from bloodtest.bloodtest")
    clinic = mo.ui.multiselect(_clinics, value=_clinics, label="Clinics")
    days = mo.ui.date_range(start=_first, stop=_last, value=(_first, _last), label="Days")
    sex = mo.ui.multiselect(["female", "male", "unknown"], value=["female", "male", "unknown"], label="Sex")
    plausible = mo.ui.switch(value=True, label="plausible values only")
    mo.hstack([clinic, days, sex, plausible], justify="start", gap=2, wrap=True)
    return clinic, days, plausible, sex


@app.cell(hide_code=True)
def _(clinic, days, plausible, sex, text, texts, timedelta):
    chosen = f"""
            list_contains({texts(clinic.value)}, bloodtest.clinic)
            and list_contains({texts(sex.value)}, coalesce(patient.sex, 'unknown'))
            and bloodtest.tested_at >= {text(days.value[0])}
            and bloodtest.tested_at < {text(days.value[1] + timedelta(days=1))}
            and (bloodtest.is_plausible or not {str(plausible.value).lower()})
    """
    return (chosen,)


@app.cell(hide_code=True)
def _(chart, total):
    chart.figures(
        *(
            (f"{_count:,}", _label)
            for _label, _count in zip(("Tests", "Patients", "Labs", "Doctors"), total.fetchone(), strict=True)
        )
    )
    return


@app.cell
def _(chosen, mo, published):
    total = mo.sql(
        f"""
        select
            count(*) as tests,
            count(distinct bloodtest.clinic || ':' || bloodtest.patient_id) as patients,
            count(distinct bloodtest.lab_key) as labs,
            count(distinct bloodtest.doctor_key) as doctors
        from bloodtest.bloodtest
        left join bloodtest.patient on bloodtest.patient_key = patient.patient_key
        where {chosen}
        """,
        output=False,
        engine=published,
    )
    return (total,)


@app.cell(hide_code=True)
def _(alt, by_lab, chart, mo):
    _rows = chart.table(by_lab)
    _picture = (
        alt.Chart(_rows, height=alt.Step(18), width="container")
        .mark_rect()
        .encode(
            x=alt.X("month:O", title="month", axis=alt.Axis(labelOverlap=True)),
            y=alt.Y("lab:N", title=None, sort=alt.EncodingSortField("tests", op="sum", order="descending")),
            color=alt.Color("tests:Q", title="Tests", scale=alt.Scale(scheme="blues")),
            tooltip=["lab:N", alt.Tooltip("month:O"), alt.Tooltip("tests:Q", format=",")],
        )
    )
    mo.vstack(
        [
            mo.md(
                "## Tests by lab and month\n\nThe 25 labs with the most tests. A white field is a month without tests."
            ),
            chart.shown(_picture, _rows, "No test matches these choices."),
        ]
    )
    return


@app.cell
def _(chosen, mo, published):
    by_lab = mo.sql(
        f"""
        with test as (
            select
                coalesce(lab.lab_name, 'lab ' || lab.lab_id) || ' (' || lab.lab_key || ')' as lab,
                strftime(bloodtest.tested_at, '%Y-%m') as month
            from bloodtest.bloodtest
            left join bloodtest.patient on bloodtest.patient_key = patient.patient_key
            left join bloodtest.lab on bloodtest.lab_key = lab.lab_key
            where {chosen}
        ),

        largest as (
            select lab from test group by lab order by count(*) desc limit 25
        )

        select lab, month, count(*) as tests
        from test
        inner join largest using (lab)
        group by all
        order by all
        """,
        output=False,
        engine=published,
    )
    return (by_lab,)


@app.cell(hide_code=True)
def _(alt, chart, mo, pressure):
    _rows = chart.table(pressure)

    def _kind(name, title):
        _base = (
            alt.Chart(_rows)
            .transform_filter(alt.datum.kind == name)
            .encode(
                x=alt.X("age:Q", title="age, years", scale=alt.Scale(zero=False, nice=False)),
                color=alt.Color(
                    "sex:N",
                    title="Sex",
                    scale=alt.Scale(domain=["female", "male"], range=[chart.VERMILLION, chart.BLUE]),
                ),
                tooltip=[
                    alt.Tooltip("age:Q", title="age from, years"),
                    "sex:N",
                    alt.Tooltip("median:Q", title="median, mmHg", format=".0f"),
                    alt.Tooltip("low:Q", title="lower quartile, mmHg", format=".0f"),
                    alt.Tooltip("high:Q", title="upper quartile, mmHg", format=".0f"),
                    alt.Tooltip("tests:Q", format=","),
                ],
            )
        )
        return alt.layer(
            _base.mark_area(opacity=0.2).encode(
                y=alt.Y("low:Q", title="mmHg", scale=alt.Scale(zero=False)), y2="high:Q"
            ),
            _base.mark_line(point=True).encode(y=alt.Y("median:Q", title="mmHg")),
            title=title,
            height=220,
            width="container",
        )

    mo.vstack(
        [
            mo.md("""
        ## Blood pressure by age and sex

        The line is the median in steps of five years of age. The band contains the middle half of the tests. Patients
        without known age or sex are left out.
        """),
            chart.shown(
                mo.hstack(
                    [_kind("systolic", "Systolic pressure"), _kind("diastolic", "Diastolic pressure")], widths="equal"
                ),
                _rows,
                "No test of a patient with known age and sex matches these choices.",
            ),
        ]
    )
    return


@app.cell
def _(chosen, mo, published):
    pressure = mo.sql(
        f"""
        with test as (
            select
                patient.sex,
                5 * (patient.age_years // 5) as age,
                bloodtest.systolic_mmhg as systolic,
                bloodtest.diastolic_mmhg as diastolic
            from bloodtest.bloodtest
            inner join bloodtest.patient on bloodtest.patient_key = patient.patient_key
            where
                {chosen}
                and patient.sex is not null
                and patient.age_years between 0 and 130
        ),

        measured as (
            select sex, age, 'systolic' as kind, systolic as mmhg from test
            union all
            select sex, age, 'diastolic' as kind, diastolic as mmhg from test
        )

        select
            kind,
            sex,
            age,
            median(mmhg) as median,
            quantile_cont(mmhg, 0.25) as low,
            quantile_cont(mmhg, 0.75) as high,
            count(mmhg) as tests
        from measured
        group by all
        order by all
        """,
        output=False,
        engine=published,
    )
    return (pressure,)


@app.cell(hide_code=True)
def _(alt, chart, levels, mo):
    _rows = chart.table(levels)
    _base = alt.Chart(_rows, height=240, width="container").encode(
        x=alt.X("glucose:N", title="glucose", sort=None, axis=alt.Axis(labelAngle=0)),
        y=alt.Y(
            "cholesterol:N", title="cholesterol", sort=alt.EncodingSortField("cholesterol_level", order="descending")
        ),
        tooltip=[
            "glucose:N",
            "cholesterol:N",
            alt.Tooltip("tests:Q", format=","),
            alt.Tooltip("share:Q", title="share of tests", format=".1%"),
            alt.Tooltip("disease:Q", title="with a cardiovascular disease", format=".0%"),
        ],
    )
    _picture = alt.layer(
        _base.mark_rect().encode(
            color=alt.Color(
                "disease:Q",
                title="Cardiovascular disease",
                scale=alt.Scale(scheme="oranges", domain=[0, 1]),
                legend=alt.Legend(format="%"),
            )
        ),
        _base.mark_text(fontSize=13).encode(text=alt.Text("tests:Q", format=",")),
    )
    mo.vstack(
        [
            mo.md("""
        ## Glucose against cholesterol

        Each field shows the number of tests with these two levels. Its colour shows the share of tests whose patient
        has a cardiovascular disease.
        """),
            chart.shown(_picture, _rows, "No test with both levels matches these choices."),
        ]
    )
    return


@app.cell
def _(chosen, mo, published):
    levels = mo.sql(
        f"""
        with test as (
            select
                bloodtest.cholesterol_level,
                bloodtest.glucose_level,
                bloodtest.has_cardiovascular_disease
            from bloodtest.bloodtest
            left join bloodtest.patient on bloodtest.patient_key = patient.patient_key
            where
                {chosen}
                and bloodtest.cholesterol_level between 1 and 3
                and bloodtest.glucose_level between 1 and 3
        )

        select
            cholesterol_level,
            glucose_level,
            ['normal', 'above normal', 'well above normal'][cholesterol_level] as cholesterol,
            ['normal', 'above normal', 'well above normal'][glucose_level] as glucose,
            count(*) as tests,
            count(*) / sum(count(*)) over () as share,
            avg(has_cardiovascular_disease::integer) as disease
        from test
        group by all
        order by all
        """,
        output=False,
        engine=published,
    )
    return (levels,)


@app.cell(hide_code=True)
def _(chart, implausible, mo, plausibility):
    _rows = chart.table(implausible)
    _all, _flagged = plausibility.fetchone()
    mo.vstack(
        [
            mo.md(f"""
        ## Implausible values

        {_flagged or 0:,} of {_all:,} tests of these clinics and days have an implausible value. Such tests are kept
        unchanged and flagged. A test may have several reasons.
        """),
            chart.shown(
                chart.bars(_rows, "tests", "reason", title="Tests by reason", unit="tests", colour=chart.VERMILLION),
                _rows,
                "All values are plausible.",
            ),
        ]
    )
    return


@app.cell
def _(clinic, days, mo, published, text, texts, timedelta):
    plausibility = mo.sql(
        f"""
        select count(*) as tests, count_if(not is_plausible) as flagged
        from bloodtest.bloodtest
        where
            list_contains({texts(clinic.value)}, clinic)
            and tested_at >= {text(days.value[0])}
            and tested_at < {text(days.value[1] + timedelta(days=1))}
        """,
        output=False,
        engine=published,
    )
    return (plausibility,)


@app.cell
def _(clinic, days, mo, published, text, texts, timedelta):
    implausible = mo.sql(
        f"""
        with flagged as (
            select unnest(string_split(implausible_reason, '; ')) as reason
            from bloodtest.bloodtest
            where
                not is_plausible
                and list_contains({texts(clinic.value)}, clinic)
                and tested_at >= {text(days.value[0])}
                and tested_at < {text(days.value[1] + timedelta(days=1))}
        )

        select reason, count(*) as tests
        from flagged
        group by reason
        order by tests desc
        limit 20
        """,
        output=False,
        engine=published,
    )
    return (implausible,)


@app.cell(hide_code=True)
def _(mo):
    reasons = {
        "severe blood pressure": "has_severe_pressure",
        "repeatedly raised blood pressure": "has_repeatedly_raised_pressure",
        "high cholesterol": "has_high_cholesterol",
        "high glucose": "has_high_glucose",
    }
    why = mo.ui.multiselect(reasons, value=list(reasons)[:1], label="Reasons")
    mo.vstack(
        [
            mo.md("""
        ## Watch list

        Patients with at least one of these reasons in their plausible tests of the last 365 days. *Severe*: the latest
        pressure is at least 180 (systolic) or 110 mmHg (diastolic). *Repeatedly raised*: two or more tests with at
        least 140 or 90 mmHg. *High*: level 3 in the latest test.
        """),
            why,
        ]
    )
    return (why,)


@app.cell(hide_code=True)
def _(chart, watched):
    _rows = chart.table(watched)
    chart.shown(chart.listed(_rows), _rows, "No patient is on the watch list for these reasons.")
    return


@app.cell
def _(clinic, mo, published, texts, why):
    watched = mo.sql(
        f"""
        select
            patient_key as patient,
            doctor_key as doctor,
            latest_test_at::date as "latest test",
            latest_systolic_mmhg as "systolic, mmHg",
            latest_diastolic_mmhg as "diastolic, mmHg",
            latest_cholesterol_level as "cholesterol level",
            latest_glucose_level as "glucose level",
            recent_test_count as "tests in a year",
            raised_pressure_count as "tests with raised pressure"
        from bloodtest.patient_watchlist
        where
            list_contains({texts(clinic.value)}, clinic)
            and ({" or ".join(why.value) or "false"})
        order by latest_systolic_mmhg desc, latest_diastolic_mmhg desc, patient_key
        """,
        output=False,
        engine=published,
    )
    return (watched,)


if __name__ == "__main__":
    app.run()
