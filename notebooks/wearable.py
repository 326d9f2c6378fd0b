"""Watches of a study: readings over any period, participants who need attention, days and nights."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Wearables", sql_output="native")


@app.cell(hide_code=True)
def _():
    from datetime import datetime, time, timedelta

    import altair as alt
    import marimo as mo
    import numpy as np

    from notebooks import _chart as chart
    from notebooks._published import missing, open_publication, text
    from orchestration.lib.query import timeseries as series

    return (
        alt,
        chart,
        datetime,
        missing,
        mo,
        np,
        open_publication,
        series,
        text,
        time,
        timedelta,
    )


@app.cell(hide_code=True)
def _(open_publication):
    publication = open_publication(
        "Wearables",
        "Readings of the watches of a study's participants, and how regularly the watches are worn.",
        source="wearable",
        needs=["wearable.participant"],
    )
    published = publication.con
    publication.heading
    return publication, published


@app.cell(hide_code=True)
def _(mo, publication):
    _studies = publication.values("select distinct clinic from wearable.participant order by all")
    study = mo.ui.dropdown(_studies, value=_studies[0], label="Study", allow_select_none=False)
    return (study,)


@app.cell(hide_code=True)
def _(mo, published, study):
    _participants = published.execute(
        "select participant_id, participant_key from wearable.participant "
        # a participant with readings is shown first
        "where clinic = ? order by reading_count = 0, participant_key",
        [study.value],
    ).fetchall()
    _options = dict(_participants)
    participant = mo.ui.dropdown(
        _options, value=next(iter(_options)), label="Participant", searchable=True, allow_select_none=False
    )
    return (participant,)


@app.cell(hide_code=True)
def _(mo, participant, publication, text):
    _names = {
        "heart_rate_bpm": "Heart rate, beats a minute",
        "resting_heart_rate_bpm": "Resting heart rate, beats a minute",
        "hrv_rmssd_ms": "Heart rate variability (RMSSD), ms",
        "hrv_coverage": "Coverage of heart rate variability, share",
        "hrv_hf": "Heart rate variability, high frequencies, ms²",
        "hrv_lf": "Heart rate variability, low frequencies, ms²",
        "spo2_pct": "Oxygen saturation (SpO₂), %",
        "breathing_rate_rpm": "Breathing rate, breaths a minute",
        "steps": "Steps",
        "active_zone_minutes": "Active zone minutes",
        "fat_burn_active_zone_minutes": "Active zone minutes, fat burn",
        "cardio_active_zone_minutes": "Active zone minutes, cardio",
        "peak_active_zone_minutes": "Active zone minutes, peak",
    }
    _measured = publication.values(
        f"select distinct metric from wearable.reading_1d where participant_key = {text(participant.value)}"
    )
    # The order above, then all other metrics.
    _metrics = sorted(_measured, key=lambda name: (list(_names).index(name) if name in _names else len(_names), name))
    metric_names = {_name: _names.get(_name, _name.replace("_", " ")) for _name in _metrics}
    metric = mo.ui.dropdown(
        {_title: _name for _name, _title in metric_names.items()},
        value=next(iter(metric_names.values()), None),
        label="Metric",
    )
    return metric, metric_names


@app.cell(hide_code=True)
def _(metric, missing, mo, participant, publication, study, text, timedelta):
    mo.stop(
        not metric.value,
        mo.vstack(
            [
                mo.hstack([study, participant], justify="start", gap=2, wrap=True),
                missing(f"No readings of {participant.value} are published. Readings after a withdrawal are not."),
            ]
        ),
    )
    _first, _last = publication.row(
        f"""
        select min(bucket_start_at)::date, max(bucket_start_at)::date
        from wearable.reading_1d
        where participant_key = {text(participant.value)} and metric = {text(metric.value)}
        """
    )
    days = mo.ui.date_range(
        start=_first, stop=_last, value=(max(_first, _last - timedelta(days=6)), _last), label="Days"
    )
    mo.hstack([study, participant, metric, days], justify="start", gap=2, wrap=True)
    return (days,)


@app.cell(hide_code=True)
def _(chart, datetime, days, time, timedelta):
    begin, end = (datetime.combine(_day, time()) for _day in (days.value[0], days.value[1] + timedelta(days=1)))
    resolution = chart.resolution_for(begin, end)
    return begin, end, resolution


@app.cell
def _(
    alt,
    begin,
    chart,
    end,
    metric,
    metric_names,
    mo,
    np,
    participant,
    publication,
    readings,
    resolution,
    series,
    text,
):
    _rows = chart.table(readings)
    _columns = {_name: _rows[_name].to_numpy(zero_copy_only=False) for _name in _rows.column_names}
    _line = chart.line(
        _columns["bucket_start_at"],
        _columns["value_mean"],
        longest_gap=np.timedelta64(2 * series.RESOLUTIONS[resolution], "s"),
        also={"low": _columns["value_min"], "high": _columns["value_max"]},
    )
    _title = metric_names[metric.value]
    _base = alt.Chart(_line).encode(x=alt.X("at:T", axis=chart.time_axis(begin, end)))
    _band = _base.mark_area(opacity=0.25, color=chart.SKY).encode(
        y=alt.Y("low:Q", title=_title, scale=alt.Scale(zero=False)), y2="high:Q"
    )
    _mean = _base.mark_line(color=chart.BLUE, strokeWidth=1.5, point=alt.OverlayMarkDef(size=6)).encode(
        y=alt.Y("value:Q", title=_title, scale=alt.Scale(zero=False)),
        tooltip=[
            alt.Tooltip("at:T", title="from", format="%Y-%m-%d %H:%M"),
            alt.Tooltip("value:Q", title="mean", format=".4~g"),
            alt.Tooltip("low:Q", title="minimum", format=".4~g"),
            alt.Tooltip("high:Q", title="maximum", format=".4~g"),
        ],
    )
    (_timezone,) = publication.row(
        f"select timezone from wearable.participant where participant_key = {text(participant.value)}"
    )
    _bucket = {"1m": "minutes", "15m": "quarters of an hour", "1h": "hours", "1d": "days"}[resolution]
    mo.vstack(
        [
            chart.shown(
                alt.layer(_band, _mean, title=_title, width="container", height=chart.HEIGHT),
                _rows,
                "There are no readings on these days.",
            ),
            mo.md(
                f"<small>The line is the mean over {_bucket}, the band goes from the minimum to the maximum. "
                f"A break in the line means no readings. The participant's time zone is {_timezone}.</small>"
            ),
        ]
    )
    return


@app.cell
def _(begin, end, metric, mo, participant, published, resolution, text):
    readings = mo.sql(
        f"""
        select bucket_start_at, value_mean, value_min, value_max
        from wearable.reading_{resolution}
        where
            participant_key = {text(participant.value)}
            and metric = {text(metric.value)}
            and bucket_start_at >= {text(begin)}
            and bucket_start_at < {text(end)}
        order by bucket_start_at
        """,
        output=False,
        engine=published,
    )
    return (readings,)


@app.cell(hide_code=True)
def _(adherence, chart, mo):
    _rows = chart.table(adherence)
    mo.vstack(
        [
            mo.md("""
        ## Participants who need attention

        Participants with the most flags are listed first. A watch counts as worn in every minute with a heart rate.
        The share refers to the last days of the study.
        """),
            chart.shown(chart.listed(_rows, page_size=15), _rows, "This study has no participants."),
        ]
    )
    return


@app.cell
def _(mo, published, study, text):
    adherence = mo.sql(
        f"""
        select
            participant_id as participant,
            coalesce(
                nullif(
                    concat_ws(
                        ', ',
                        if(is_withdrawn, 'withdrawn', null),
                        if(is_without_token, 'shares no data', null),
                        if(is_not_synced, 'not synced', null),
                        if(is_without_sleep, 'no sleep recorded', null),
                        if(is_worn_too_little, 'worn too little', null)
                    ),
                    ''
                ),
                'no flags'
            ) as flags,
            strftime(last_sync_at, '%Y-%m-%d %H:%M') as "last sync (UTC)",
            last_sleep_date as "last night recorded",
            nights_without_sleep as "nights without sleep",
            round(100 * recent_worn_share)::integer as "worn, %"
        from wearable.adherence
        where clinic = {text(study.value)}
        order by
            is_withdrawn,
            list_sum([is_without_token, is_not_synced, is_without_sleep, is_worn_too_little]::integer[]) desc,
            participant_id
        """,
        output=False,
        engine=published,
    )
    return (adherence,)


@app.cell(hide_code=True)
def _(alt, chart, mo, worn):
    _rows = chart.table(worn)
    _x = alt.X("day:O", title="day, in the participant's time zone", axis=alt.Axis(labelOverlap=True, labelAngle=-45))
    _y = alt.Y("participant_id:N", title=None)
    _worn = (
        alt.Chart(_rows, title="Time worn", height=alt.Step(20), width="container")
        .mark_rect(stroke="white")
        .encode(
            x=_x,
            y=_y,
            color=alt.Color(
                "worn_share:Q",
                title="Worn",
                scale=alt.Scale(scheme="viridis", domain=[0, 1]),
                legend=alt.Legend(format=".0%"),
            ),
            tooltip=[
                alt.Tooltip("participant_id:N", title="participant"),
                alt.Tooltip("day:O", title="day"),
                alt.Tooltip("worn_share:Q", title="worn", format=".0%"),
                alt.Tooltip("hours_without_data:Q", title="hours without data"),
            ],
        )
    )
    _nights = (
        alt.Chart(_rows, title="Sleep in the night before the day", height=alt.Step(20), width="container")
        .mark_rect(stroke="white")
        .encode(
            x=_x,
            y=_y,
            color=alt.Color(
                "night:N",
                title="Night",
                scale=alt.Scale(domain=["recorded", "not recorded"], range=[chart.BLUE, chart.PALE]),
            ),
            tooltip=[
                alt.Tooltip("participant_id:N", title="participant"),
                alt.Tooltip("day:O", title="day"),
                alt.Tooltip("night:N", title="night"),
                alt.Tooltip("resting_heart_rate_bpm:Q", title="resting heart rate, beats a minute", format=".0f"),
            ],
        )
    )
    mo.vstack(
        [
            mo.md("## Days and nights of all participants\n\nThe last 60 days, and the first 50 participants."),
            chart.shown(mo.vstack([_worn, _nights]), _rows, "There are no days with data yet."),
        ]
    )
    return


@app.cell
def _(mo, published, study, text):
    worn = mo.sql(
        f"""
        with day as (
            select
                participant.participant_id,
                participant_day.local_date,
                strftime(participant_day.local_date, '%Y-%m-%d') as day,
                participant_day.worn_share,
                participant_day.hours_without_data,
                if(participant_day.has_sleep, 'recorded', 'not recorded') as night,
                participant_day.resting_heart_rate_bpm
            from wearable.participant_day
            inner join wearable.participant on participant_day.participant_key = participant.participant_key
            where
                participant.clinic = {text(study.value)}
                and participant.participant_key in (
                    select participant_key from wearable.participant
                    where clinic = {text(study.value)} order by participant_id limit 50
                )
        )

        select * from day
        where local_date > (select max(local_date) from day) - 60
        order by participant_id, local_date
        """,
        output=False,
        engine=published,
    )
    return (worn,)


@app.cell(hide_code=True)
def _(alt, chart, mo, nights, np, participant):
    _rows = chart.table(nights)
    _line = chart.line(
        _rows["day"].to_numpy(),
        _rows["resting_heart_rate_bpm"].to_numpy(zero_copy_only=False),
        longest_gap=np.timedelta64(2, "D"),
    )
    _picture = (
        alt.Chart(_line, height=180, width="container")
        .mark_line(point=alt.OverlayMarkDef(size=30))
        .encode(
            x=alt.X("at:T", title="day", axis=alt.Axis(format="%Y-%m-%d", labelOverlap=True)),
            y=alt.Y(
                "value:Q", title="beats a minute", scale=alt.Scale(zero=False, padding=10), axis=alt.Axis(format=".0f")
            ),
            tooltip=[
                alt.Tooltip("at:T", title="day", format="%Y-%m-%d"),
                alt.Tooltip("value:Q", title="resting heart rate, beats a minute", format=".0f"),
            ],
        )
    )
    mo.vstack(
        [
            mo.md(f"## Resting heart rate of {participant.selected_key}\n\nThe watch gives one value a night."),
            chart.shown(_picture, _rows, "There is no resting heart rate."),
        ]
    )
    return


@app.cell
def _(mo, participant, published, text):
    nights = mo.sql(
        f"""
        select local_date::timestamp as day, resting_heart_rate_bpm
        from wearable.participant_day
        where participant_key = {text(participant.value)} and resting_heart_rate_bpm is not null
        order by local_date
        """,
        output=False,
        engine=published,
    )
    return (nights,)


if __name__ == "__main__":
    app.run()
