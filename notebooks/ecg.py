"""ECG recordings: the signal and its beats, RR intervals, features over time, who looks like whom."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(
    width="medium",
    app_title="ECG recordings",
    sql_output="native",
)


@app.cell(hide_code=True)
def _():
    import altair as alt
    import marimo as mo
    import numpy as np
    import pyarrow as pa

    from notebooks import _chart as chart
    from notebooks._published import missing, open_or_say_why, readable, text, texts

    return (
        alt,
        chart,
        missing,
        mo,
        np,
        open_or_say_why,
        pa,
        readable,
        text,
        texts,
    )


@app.cell(hide_code=True)
def _(open_or_say_why):
    publication = open_or_say_why(
        "ECG recordings",
        "One lead of the heart's electrical activity, recorded in runs of mostly 20 seconds. Not for diagnosis.",
        source="ecg",
        needs=["ecg.run"],
        reads=["ecg.feature_variability", "ecg.identification", "ecg.identification_summary"],
    )
    published = publication.con
    publication.heading
    return publication, published


@app.cell(hide_code=True)
def _(mo, published):
    _subjects = published.execute("select subject_key, sex, run_count from ecg.subject order by all").fetchall()
    _options = {f"{key} ({sex or 'sex unknown'}, {count} runs)": key for key, sex, count in _subjects}
    subject = mo.ui.dropdown(
        _options, value=next(iter(_options)), label="Person", searchable=True, allow_select_none=False
    )
    return (subject,)


@app.cell(hide_code=True)
def _(mo, published, subject):
    _runs = published.execute(
        "select run_key, recorded_on, is_usable from ecg.run where subject_key = ? order by run_number", [subject.value]
    ).fetchall()
    _options = {
        f"{key}, {day or 'day unknown'}{'' if is_usable else ' (not usable)'}": key for key, day, is_usable in _runs
    }
    run = mo.ui.dropdown(_options, value=next(iter(_options)), label="Run", allow_select_none=False)
    return (run,)


@app.cell(hide_code=True)
def _(mo, publication, run, subject, text):
    duration_s, signal_path = publication.row(
        f"select duration_s, signal_path from ecg.run where run_key = {text(run.value)}"
    )
    zoom = mo.ui.range_slider(
        0,
        max(duration_s, 0.1),
        step=0.1 if duration_s < 100 else 1,
        value=[0, min(duration_s, 8)],
        label="Seconds that are drawn",
        full_width=True,
        debounce=True,
    )
    mo.vstack([mo.hstack([subject, run], justify="start", gap=2, wrap=True), zoom])
    return signal_path, zoom


@app.cell(hide_code=True)
def _(figures, mo):
    _day, _rate, _seconds, _beats, _quality, _is_usable, _why, _age = figures.fetchone()
    _unknown = "unknown"
    mo.vstack(
        [
            mo.hstack(
                [
                    mo.stat(
                        f"{_rate:.0f} / min" if _rate else _unknown,
                        label="Heart rate",
                        caption=f"{_beats} beats",
                        bordered=True,
                    ),
                    mo.stat(f"{_seconds:.0f} s", label="Length", caption=f"recorded {_day or _unknown}", bordered=True),
                    mo.stat(
                        f"{_quality:.2f}" if _quality else _unknown,
                        label="Signal quality",
                        caption="1 is beats that are all alike; from 0.66 on usable",
                        bordered=True,
                    ),
                    mo.stat(f"{_age}" if _age is not None else _unknown, label="Age", caption="years", bordered=True),
                ],
                widths="equal",
                wrap=True,
            ),
            mo.md("") if _is_usable else mo.callout(mo.md(f"This run is not usable: {_why}."), kind="warn"),
        ]
    )
    return


@app.cell
def _(mo, published, run, text):
    figures = mo.sql(
        f"""
        select
            recorded_on,
            heart_rate_bpm,
            duration_s,
            beat_count,
            signal_quality,
            is_usable,
            unusable_reason,
            age_years
        from ecg.run
        where run_key = {text(run.value)}
        """,
        output=False,
        engine=published,
    )
    return (figures,)


@app.cell(hide_code=True)
def _(missing, mo, publication, readable, signal_path):
    mo.stop(
        not readable(publication, signal_path),
        missing(
            "The signal cannot be read here: a signal identifies its person and is never published. It lies in the "
            f"lake, in {signal_path}. Ask who looks after the lake. What follows needs no signal.",
        ),
    )
    signal_file = signal_path
    return (signal_file,)


@app.cell
def _(mo, published, run, signal_file, text):
    signal = mo.sql(
        f"""
        select signal.sampling_rate_hz, signal.raw_mv, signal.filtered_mv, signal.r_peak_index
        from read_parquet({text(signal_file)}, hive_partitioning = false) as signal
        inner join ecg.run_metadata as metadata
            on
                signal.run_key = metadata.run_key
                and signal.raw_path = metadata.loaded_raw_path
                and signal.load_id = metadata.transform_load_id
        where signal.run_key = {text(run.value)}
        """,
        output=False,
        engine=published,
    )
    return (signal,)


@app.cell(hide_code=True)
def _(chart, missing, mo, np, signal):
    _found = chart.table(signal)
    mo.stop(
        not _found.num_rows,
        missing("The lake has the signal of another build than the one that is published.", "vitalhouse build"),
    )
    rate_hz = _found["sampling_rate_hz"][0].as_py()
    raw_mv, filtered_mv = (
        _found[_name][0].values.to_numpy(zero_copy_only=False) for _name in ("raw_mv", "filtered_mv")
    )
    _peaks = _found["r_peak_index"][0].as_py()
    r_peak = np.array(_peaks if _peaks is not None else [], int)
    return filtered_mv, r_peak, rate_hz, raw_mv


@app.cell(hide_code=True)
def _(alt, chart, filtered_mv, mo, np, pa, r_peak, rate_hz, raw_mv, zoom):
    _first, _last = (int(_second * rate_hz) for _second in zoom.value)
    _stretch = slice(_first, max(_last, _first + 1))
    _times = np.arange(len(raw_mv))[_stretch] / rate_hz
    _beats = r_peak[(r_peak >= _first) & (r_peak < _last)][: chart.MAX_POINTS]
    _peaks = pa.table({"at": _beats / rate_hz, "value": pa.array(filtered_mv[_beats], from_pandas=True)})

    def _curve(values, title, colour):
        return (
            alt.Chart(chart.line(_times, values[_stretch]), title=title, height=180, width="container")
            .mark_line(color=colour, strokeWidth=1)
            .encode(
                x=alt.X("at:Q", title="time, s", scale=alt.Scale(domain=zoom.value, nice=False)),
                y=alt.Y("value:Q", title="mV", scale=alt.Scale(zero=False)),
                tooltip=[
                    alt.Tooltip("at:Q", title="time, s", format=".3f"),
                    alt.Tooltip("value:Q", title="mV", format=".3f"),
                ],
            )
        )

    _marks = (
        alt.Chart(_peaks)
        .mark_point(shape="triangle-down", size=50, color=chart.VERMILLION, yOffset=-10)
        .encode(x="at:Q", y="value:Q", tooltip=[alt.Tooltip("at:Q", title="R peak at, s", format=".3f")])
    )
    mo.vstack(
        [
            mo.md("""
        ## The signal

        Above as it was recorded, below as it is analysed: without the slow wandering of the baseline, the hum of the
        mains and the jumps of a loose plug. Triangles mark the R peaks, one for each heartbeat.
        """),
            _curve(raw_mv, "Raw", chart.GREY),
            alt.layer(_curve(filtered_mv, "Filtered, with R peaks", chart.BLUE), _marks),
        ]
    )
    return


@app.cell(hide_code=True)
def _(alt, chart, filtered_mv, mo, np, pa, r_peak, rate_hz):
    # From a third of a second before R to half a second after it: P wave to T wave at rest.
    _before, _after = int(0.3 * rate_hz), int(0.5 * rate_hz)
    _whole = r_peak[(r_peak >= _before) & (r_peak + _after < len(filtered_mv))]
    mo.stop(not len(_whole), mo.md("## Beats overlaid\n\nNo whole beat was found in this run."))
    _window = np.arange(-_before, _after)
    _beats = filtered_mv[_whole[:, None] + _window]
    _time_ms = _window / rate_hz * 1000
    # More than these lines nobody tells apart; the average is that of all beats.
    _shown = np.unique(np.linspace(0, len(_beats) - 1, min(len(_beats), 60)).astype(int))
    _rows = pa.concat_tables(chart.line(_time_ms, _beats[_n], most=100, beat=int(_n) + 1) for _n in _shown)
    _x = alt.X("at:Q", title="time from the R peak, ms", scale=alt.Scale(nice=False))
    _y = alt.Y("value:Q", title="mV", scale=alt.Scale(zero=False))
    _each = (
        alt.Chart(_rows)
        .mark_line(color=chart.SKY, opacity=0.35, strokeWidth=1)
        .encode(x=_x, y=_y, detail="beat:N", tooltip=[alt.Tooltip("beat:N", title="beat number")])
    )
    _mean = (
        alt.Chart(chart.line(_time_ms, np.nanmean(_beats, axis=0)))
        .mark_line(color=chart.VERMILLION, strokeWidth=2.5)
        .encode(x=_x, y=_y)
    )
    _drawn = f" ({len(_shown)} of them are drawn)" if len(_shown) < len(_beats) else ""
    mo.vstack(
        [
            mo.md(f"""
        ## Beats overlaid

        {len(_beats):,} whole beats, one on top of the other{_drawn}; the thick line is their average.
        """),
            alt.layer(_each, _mean, width="container", height=260),
        ]
    )
    return


@app.cell(hide_code=True)
def _(alt, chart, mo, np, r_peak, rate_hz):
    mo.stop(len(r_peak) < 2, mo.md("## RR intervals\n\nFewer than two beats: there is no interval between them."))
    _rows = chart.line(r_peak[1:] / rate_hz, np.diff(r_peak) / rate_hz * 1000)
    _base = alt.Chart(_rows, height=200, width="container").encode(
        x=alt.X("at:Q", title="time, s", scale=alt.Scale(nice=False)),
        y=alt.Y("value:Q", title="RR interval, ms", scale=alt.Scale(zero=False, padding=10)),
        tooltip=[
            alt.Tooltip("at:Q", title="time, s", format=".2f"),
            alt.Tooltip("value:Q", title="interval, ms", format=".0f"),
        ],
    )
    mo.vstack(
        [
            mo.md("## RR intervals\n\nThe time from one heartbeat to the next. A healthy heart is no clock."),
            alt.layer(_base.mark_line(), _base.mark_point(size=30)),
        ]
    )
    return


@app.cell(hide_code=True)
def _(mo, publication, readable, subject, text):
    signal_files = [
        _path
        for _path in publication.values(
            f"select distinct signal_path from ecg.run where subject_key = {text(subject.value)}"
        )
        if _path and readable(publication, _path)
    ]
    mo.stop(not signal_files)
    return (signal_files,)


@app.cell(hide_code=True)
def _(alt, chart, mo, values):
    _rows = chart.table(values)
    _base = alt.Chart(_rows, height=alt.Step(26)).encode(y=alt.Y("run_number:O", title="run"))
    _tooltip = [
        alt.Tooltip("run_key:N", title="run"),
        *(
            alt.Tooltip(f"{_name}:Q", title=f"{_title}, mV", format=".3f")
            for _name, _title in (
                ("p01", "lowest 1 %"),
                ("p25", "lower quartile"),
                ("p50", "median"),
                ("p75", "upper quartile"),
                ("p99", "highest 1 %"),
            )
        ),
    ]

    def _box(kind, colour):
        return (
            alt.layer(
                _base.mark_rule(color=colour).encode(
                    x=alt.X("p01:Q", title="mV", scale=alt.Scale(zero=False)), x2="p99:Q"
                ),
                _base.mark_bar(color=colour, size=14).encode(x="p25:Q", x2="p75:Q", tooltip=_tooltip),
                _base.mark_tick(color="white", size=14, thickness=2).encode(x="p50:Q"),
            )
            .transform_filter(alt.datum.kind == kind)
            .properties(title=f"{kind} values", width="container")
        )

    mo.vstack(
        [
            mo.md("""
        ## Values of each run

        The box holds the middle half of all samples, the white line is the median, the whiskers leave out the lowest
        and the highest hundredth. A raw box far from 0 is a shifted baseline; the filter takes it away.
        """),
            mo.hstack([_box("Raw", chart.GREY), _box("Filtered", chart.BLUE)], widths="equal"),
        ]
    )
    return


@app.cell
def _(chart, mo, published, signal_files, subject, text, texts):
    values = mo.sql(
        f"""
        with sample as (
            select
                run.run_key,
                run.run_number,
                unnest(signal.raw_mv) as raw_mv,
                unnest(signal.filtered_mv) as filtered_mv
            from read_parquet({texts(signal_files)}, hive_partitioning = false) as signal
            inner join ecg.run_metadata as metadata
                on
                    signal.run_key = metadata.run_key
                    and signal.raw_path = metadata.loaded_raw_path
                    and signal.load_id = metadata.transform_load_id
            inner join ecg.run on metadata.run_key = run.run_key
            where run.subject_key = {text(subject.value)}
        ),

        value as (
            select run_key, run_number, 'Raw' as kind, raw_mv as mv from sample where not isnan(raw_mv)
            union all
            select run_key, run_number, 'Filtered' as kind, filtered_mv as mv from sample where not isnan(filtered_mv)
        ),

        box as (
            select run_key, run_number, kind, quantile_cont(mv, [0.01, 0.25, 0.5, 0.75, 0.99]) as q
            from value
            group by all
        )

        select run_key, run_number, kind, q[1] as p01, q[2] as p25, q[3] as p50, q[4] as p75, q[5] as p99
        from box
        order by run_number, kind
        limit {2 * chart.MAX_POINTS}
        """,
        output=False,
        engine=published,
    )
    return (values,)


@app.cell(hide_code=True)
def _(mo):
    features = {
        "Heart rate, beats a minute": "heart_rate_bpm",
        "R amplitude, mV": "r_amplitude_mv",
        "QRS duration, ms": "qrs_duration_ms",
        "QT interval at 60 beats a minute (Fridericia), ms": "qtc_fridericia_ms",
        "PR interval, ms": "pr_interval_ms",
        "T amplitude, mV": "t_amplitude_mv",
        "RMSSD (short-term variability), ms": "rmssd_ms",
        "SDNN (overall variability), ms": "sdnn_ms",
        "pNN50, %": "pnn50_pct",
        "Signal quality": "signal_quality",
    }
    feature = mo.ui.multiselect(features, value=list(features)[:4], label="Features", full_width=True)
    mo.vstack(
        [
            mo.md(
                "## Features of this person over time\n\nEach point is a run; runs of one day lie above one another."
            ),
            feature,
        ]
    )
    return feature, features


@app.cell(hide_code=True)
def _(alt, chart, feature, features, mo, over_time, run):
    _rows = chart.table(over_time)

    def _small(title, name):
        return (
            alt.Chart(_rows, title=title, height=150, width="container")
            .mark_point(size=60, opacity=0.8)
            .encode(
                x=alt.X("recorded_on:T", title=None, axis=alt.Axis(format="%Y-%m-%d", labelOverlap=True, tickCount=4)),
                y=alt.Y(f"{name}:Q", title=None, scale=alt.Scale(zero=False, padding=10)),
                color=alt.condition(alt.datum.run_key == run.value, alt.value(chart.VERMILLION), alt.value(chart.BLUE)),
                tooltip=[
                    alt.Tooltip("run_key:N", title="run"),
                    alt.Tooltip("recorded_on:T", title="recorded on", format="%Y-%m-%d"),
                    alt.Tooltip(f"{name}:Q", title=title, format=".4~g"),
                ],
            )
        )

    _charts = [_small(_title, _name) for _title, _name in features.items() if _name in feature.value]
    _pairs = [mo.hstack(_charts[_n : _n + 2], widths="equal") for _n in range(0, len(_charts), 2)]
    chart.shown(
        mo.vstack([*_pairs, mo.md("<small>The run that is chosen above is orange-red.</small>")]),
        _rows,
        "None of this person's runs has both a day and features.",
    )
    return


@app.cell
def _(chart, features, mo, published, subject, text):
    over_time = mo.sql(
        f"""
        select run_key, recorded_on, {", ".join(features.values())}
        from ecg.run
        where subject_key = {text(subject.value)} and recorded_on is not null and is_usable
        order by run_number
        limit {chart.MAX_POINTS}
        """,
        output=False,
        engine=published,
    )
    return (over_time,)


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
def _(alt, chart, mo, own_rank, recognised, run):
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
    _said = "; ".join(
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
            chart.shown(
                alt.layer(
                    _base.mark_bar(size=16).encode(x=_x),
                    _base.mark_rule(strokeWidth=2).encode(x="rank1_low_pct:Q", x2="rank1_high_pct:Q"),
                ),
                _rows,
                "Nobody could be asked for yet: it takes two people or more with several usable runs.",
            ),
            mo.md(
                f"**Run {run.value}**: {_said}."
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
