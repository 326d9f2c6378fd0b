"""ECG identification: what differs between people and within a person, and who looks like whom."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="ECG identification", sql_output="native")


@app.cell(hide_code=True)
def _():
    import altair as alt
    import marimo as mo
    import pyarrow as pa

    from notebooks import _chart as chart
    from notebooks import _ecg as ecg
    from notebooks._published import open_publication, text

    return alt, chart, ecg, mo, open_publication, pa, text


@app.cell(hide_code=True)
def _(open_publication):
    publication = open_publication(
        "ECG identification",
        "What tells people apart in an ECG, and how surely. Not for diagnosis.",
        source="ecg",
        needs=["ecg.run"],
        reads=["ecg.feature_variability", "ecg.identification", "ecg.identification_summary"],
    )
    published = publication.con
    publication.heading
    return publication, published


@app.cell(hide_code=True)
def _(ecg, publication):
    subject = ecg.subject_choice(publication)
    return (subject,)


@app.cell(hide_code=True)
def _(ecg, publication, subject):
    run = ecg.run_choice(publication, subject.value)
    return (run,)


@app.cell(hide_code=True)
def _(mo):
    when = mo.ui.radio(
        {"all runs": "", "runs of one day": "same_day_", "runs of different days": "later_day_"},
        value="all runs",
        inline=True,
        label="Compare",
    )
    mo.vstack(
        [
            mo.md("""
        ## What differs between people, and what within a person

        Of all usable runs. The more of a bar is blue, the better a feature tells people apart; the more is orange, the
        more it changes from run to run of one person. The black line is where the border lies with 95 % certainty.
        """),
            when,
        ]
    )
    return (when,)


@app.cell(hide_code=True)
def _(alt, chart, spread):
    _rows = chart.table(spread)
    _y = alt.Y("feature:N", title=None, sort=_rows["feature"].to_pylist())
    _tooltip = [
        "feature:N",
        "unit:N",
        alt.Tooltip("people:Q"),
        alt.Tooltip("runs:Q"),
        alt.Tooltip("share:Q", title="share between people", format=".0%"),
        alt.Tooltip("between_people:Q", title="standard deviation between people", format=".3~g"),
        alt.Tooltip("within_a_person:Q", title="standard deviation within a person", format=".3~g"),
    ]
    _base = alt.Chart(_rows).encode(y=_y, tooltip=_tooltip)
    _bars = (
        _base.transform_calculate(between="datum.share", within="1 - datum.share")
        .transform_fold(["between", "within"], as_=["what", "part"])
        .mark_bar()
        .encode(
            x=alt.X("part:Q", title="share of all variance", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])),
            color=alt.Color(
                "what:N",
                title="Differences",
                scale=alt.Scale(domain=["between", "within"], range=[chart.BLUE, chart.ORANGE]),
                legend=alt.Legend(labelExpr="datum.value == 'between' ? 'between people' : 'within a person'"),
            ),
        )
    )
    _interval = _base.mark_rule(color="black").encode(x="low:Q", x2="high:Q")
    chart.shown(
        alt.layer(_bars, _interval, height=alt.Step(18), width="container"),
        _rows,
        "Too few people have several usable runs of this kind.",
    )
    return


@app.cell
def _(mo, published, when):
    spread = mo.sql(
        f"""
        select
            replace(feature, '_', ' ') as feature,
            unit,
            {when.value}subject_count as people,
            {when.value}run_count as runs,
            greatest({when.value}icc, 0) as share,
            greatest({when.value}icc_low, 0) as low,
            greatest({when.value}icc_high, 0) as high,
            sqrt({when.value}between_subject_variance) as between_people,
            sqrt({when.value}within_subject_variance) as within_a_person
        from ecg.feature_variability
        where {when.value}icc is not null
        order by {when.value}icc desc, feature
        """,
        output=False,
        engine=published,
    )
    return (spread,)


@app.cell(hide_code=True)
def _(alt, chart, mo, own_rank, recognised, run, subject):
    _rows = chart.table(recognised)
    _base = alt.Chart(_rows, height=alt.Step(30), width="container").encode(
        y=alt.Y("question:N", title=None, sort=None, axis=alt.Axis(labelLimit=380)),
        tooltip=[
            alt.Tooltip("question:N", title="asked"),
            alt.Tooltip("rank1_pct:Q", title="taken for their own person, %", format=".1f"),
            alt.Tooltip("rank5_pct:Q", title="own person among the first five, %", format=".1f"),
            alt.Tooltip("eer_pct:Q", title="error where a claim is checked, %", format=".1f"),
            alt.Tooltip("asked_run_count:Q", title="runs asked"),
            alt.Tooltip("gallery_subject_count:Q", title="people to choose from"),
        ],
    )
    _x = alt.X("rank1_pct:Q", title="runs taken for their own person, %", scale=alt.Scale(domain=[0, 100]))
    _mine = chart.table(own_rank).to_pylist()
    _places = "; ".join(
        f"{_row['question']}: "
        + ("recognised" if _row["rank"] == 1 else f"at place {_row['rank']} of {_row['gallery_subject_count']}")
        for _row in _mine
    )
    mo.vstack(
        [
            mo.md("""
        ## Who looks like whom

        A heartbeat's shape is a person's own, like a fingerprint. Each run was compared with earlier ones of everybody
        in its clinic, by its mean beat. Which other person a run resembles is not published: it would link pseudonyms.
        """),
            mo.hstack([subject, run], justify="start", gap=2, wrap=True),
            chart.shown(
                alt.layer(
                    _base.mark_bar(size=16).encode(x=_x),
                    _base.mark_rule(strokeWidth=2).encode(x="rank1_low_pct:Q", x2="rank1_high_pct:Q"),
                ),
                _rows,
                "Nobody could be asked for yet: it takes two people or more with several usable runs.",
            ),
            mo.md(
                f"**Run {run.value}**: {_places}."
                if _mine
                else f"Run {run.value} was not asked: it is an earlier one of its person."
            ),
        ]
    )
    return


@app.cell
def _(mo, published, run, text):
    recognised = mo.sql(
        f"""
        select
            case protocol
                when 'chronological' then 'later runs, against all earlier ones'
                when 'cross_session' then 'runs of later days, against the first day'
                when 'one_shot' then 'all other runs, against the first one'
                else protocol
            end as question,
            * exclude (clinic, protocol)
        from ecg.identification_summary
        where clinic = (select clinic from ecg.run where run_key = {text(run.value)})
        order by protocol
        """,
        output=False,
        engine=published,
    )
    return (recognised,)


@app.cell
def _(mo, published, run, text):
    own_rank = mo.sql(
        f"""
        select
            case protocol
                when 'chronological' then 'against all earlier runs'
                when 'cross_session' then 'against the first day'
                when 'one_shot' then 'against the first run'
                else protocol
            end as question,
            rank,
            gallery_subject_count
        from ecg.identification
        where run_key = {text(run.value)}
        order by protocol
        """,
        output=False,
        engine=published,
    )
    return (own_rank,)


@app.cell(hide_code=True)
def _(alike, alt, chart, mo, pa):
    _rows = chart.table(alike)
    _rows = _rows.append_column("place", pa.array(range(1, _rows.num_rows + 1)))
    _picture = (
        alt.Chart(_rows, height=alt.Step(24), width="container")
        .mark_bar()
        .encode(
            x=alt.X("distance:Q", title="difference (0: the same figures)"),
            y=alt.Y("place:O", title="place"),
            color=alt.Color(
                "whose:N",
                title="Run of",
                scale=alt.Scale(domain=["the same person", "somebody else"], range=[chart.BLUE, chart.ORANGE]),
            ),
            tooltip=[
                alt.Tooltip("other_run:N", title="run"),
                alt.Tooltip("whose:N", title="of"),
                alt.Tooltip("distance:Q", title="difference", format=".2f"),
            ],
        )
    )
    mo.vstack(
        [
            mo.md("""
        ### The most alike in four features

        The ten runs of the clinic whose heart rate, R amplitude, QRS duration and SDNN are most like those of the
        chosen one. So few figures tell nobody for certain: runs of others may come first.
        """),
            chart.shown(_picture, _rows, "This run has not all features, or there is no other one that has."),
        ]
    )
    return


@app.cell
def _(mo, published, run, text):
    alike = mo.sql(
        f"""
        with run as (
            select run_key, subject_key, heart_rate_bpm, r_amplitude_mv, qrs_duration_ms, sdnn_ms
            from ecg.run
            where
                is_usable
                and duplicate_of_run_key is null
                and clinic = (select clinic from ecg.run where run_key = {text(run.value)})
        ),

        feature_value as (
            select run_key, subject_key, feature, value
            from run unpivot (value for feature in (heart_rate_bpm, r_amplitude_mv, qrs_duration_ms, sdnn_ms))
        ),

        -- each feature in standard deviations, so that all count alike
        standardised as (
            select
                run_key,
                subject_key,
                feature,
                value / nullif(stddev_samp(value) over (partition by feature), 0) as value
            from feature_value
        )

        select
            -- which other person's it is would link pseudonyms
            if(other.subject_key = chosen.subject_key, other.run_key, 'of another person') as other_run,
            if(other.subject_key = chosen.subject_key, 'the same person', 'somebody else') as whose,
            sqrt(sum((chosen.value - other.value) ** 2)) as distance
        from standardised as chosen
        inner join standardised as other
            on chosen.feature = other.feature and chosen.run_key != other.run_key
        where chosen.run_key = {text(run.value)}
        group by other.run_key, other.subject_key, chosen.subject_key
        having count(*) = 4
        order by distance, other.run_key
        limit 10
        """,
        output=False,
        engine=published,
    )
    return (alike,)


if __name__ == "__main__":
    app.run()
