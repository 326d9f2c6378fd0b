"""ECG recordings: the signal and its beats, RR intervals, features over time."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="ECG recordings", sql_output="native")


@app.cell(hide_code=True)
def _():
    import altair as alt
    import marimo as mo
    import numpy as np

    from notebooks import _chart as chart
    from notebooks import _ecg as ecg
    from notebooks._published import missing, open_publication, readable, text

    return alt, chart, ecg, missing, mo, np, open_publication, readable, text


@app.cell(hide_code=True)
def _(open_publication):
    publication = open_publication(
        "ECG recordings",
        "One lead of the heart's electrical activity, recorded in runs of mostly 20 seconds. Not for diagnosis.",
        source="ecg",
        needs=["ecg.run"],
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
def _(chart, figures, mo):
    _day, _rate, _seconds, _beats, _quality, _is_usable, _why, _age = figures.fetchone()
    _unknown = "unknown"
    mo.vstack(
        [
            chart.figures(
                (f"{_rate:.0f} / min" if _rate else _unknown, "Heart rate", f"{_beats} beats"),
                (f"{_seconds:.0f} s", "Length", f"recorded {_day or _unknown}"),
                (
                    f"{_quality:.2f}" if _quality else _unknown,
                    "Signal quality",
                    "1 is beats that are all alike; from 0.66 on usable",
                ),
                (f"{_age}" if _age is not None else _unknown, "Age", "years"),
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
            f"lake, in {signal_path}. Ask the person who manages the lake. The rest of this page needs no signal.",
        ),
    )
    signal_file = signal_path
    return (signal_file,)


@app.cell
def _(ecg, mo, published, run, signal_file, text):
    signal = mo.sql(
        f"""
        select signal.sampling_rate_hz, signal.raw_mv, signal.filtered_mv, signal.r_peak_index
        from {ecg.stored_signals([signal_file])}
        where signal.run_key = {text(run.value)}
        """,
        output=False,
        engine=published,
    )
    return (signal,)


@app.cell(hide_code=True)
def _(chart, missing, mo, np, signal):
    _rows = chart.table(signal)
    mo.stop(
        not _rows.num_rows,
        missing("The lake has the signal of another build than the one that is published.", "vitalhouse build"),
    )
    rate_hz = _rows["sampling_rate_hz"][0].as_py()
    raw_mv, filtered_mv = (_rows[_name][0].values.to_numpy(zero_copy_only=False) for _name in ("raw_mv", "filtered_mv"))
    _peaks = _rows["r_peak_index"][0].as_py()
    r_peak = np.array(_peaks if _peaks is not None else [], int)
    return filtered_mv, r_peak, rate_hz, raw_mv


@app.cell(hide_code=True)
def _(alt, chart, ecg, filtered_mv, mo, np, r_peak, rate_hz, raw_mv, zoom):
    _first, _last = (int(_second * rate_hz) for _second in zoom.value)
    _stretch = slice(_first, max(_last, _first + 1))
    _times = np.arange(len(raw_mv))[_stretch] / rate_hz
    _beats = r_peak[(r_peak >= _first) & (r_peak < _last)]
    _filtered = ecg.signal_curve(_times, filtered_mv[_stretch], zoom.value, "Filtered, with R peaks", chart.BLUE)
    mo.vstack(
        [
            mo.md("""
        ## The signal

        Above as it was recorded, below as it is analysed: without the slow wandering of the baseline, the hum of the
        mains and the jumps of a loose plug. Triangles mark the R peaks, one for each heartbeat.
        """),
            ecg.signal_curve(_times, raw_mv[_stretch], zoom.value, "Raw", chart.GREY),
            alt.layer(_filtered, ecg.r_peak_marks(_beats / rate_hz, filtered_mv[_beats])),
        ]
    )
    return


@app.cell(hide_code=True)
def _(ecg, filtered_mv, mo, r_peak, rate_hz):
    _time_ms, _beats = ecg.whole_beats(filtered_mv, r_peak, rate_hz)
    mo.stop(not len(_beats), mo.md("## Beats overlaid\n\nNo whole beat was found in this run."))
    _picture, _count = ecg.overlaid_beats(_time_ms, _beats)
    _drawn = f" ({_count} of them are drawn)" if _count < len(_beats) else ""
    mo.vstack(
        [
            mo.md(f"""
        ## Beats overlaid

        {len(_beats):,} whole beats, one on top of the other{_drawn}; the thick line is their average.
        """),
            _picture,
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
def _(chart, ecg, mo, values):
    _rows = chart.table(values)
    mo.vstack(
        [
            mo.md("""
        ## Values of each run

        The box holds the middle half of all samples, the white line is the median, the whiskers leave out the lowest
        and the highest hundredth. A raw box far from 0 is a shifted baseline; the filter takes it away.
        """),
            mo.hstack(
                [ecg.box_chart(_rows, "Raw", chart.GREY), ecg.box_chart(_rows, "Filtered", chart.BLUE)], widths="equal"
            ),
        ]
    )
    return


@app.cell
def _(chart, ecg, mo, published, signal_files, subject, text):
    values = mo.sql(
        f"""
        with sample as (
            select
                run.run_key,
                run.run_number,
                unnest(signal.raw_mv) as raw_mv,
                unnest(signal.filtered_mv) as filtered_mv
            from {ecg.stored_signals(signal_files)}
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


if __name__ == "__main__":
    app.run()
