"""Share between the notebooks on ECG: the choice of a person and a run, and the charts of a signal."""

from __future__ import annotations

from typing import Any

import altair as alt
import marimo as mo
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from notebooks import _chart as chart
from notebooks._published import Published, text

# From a third of a second before R to half a second after it: P wave to T wave at rest.
BEAT_BEFORE_S, BEAT_AFTER_S = 0.3, 0.5
# More lines than these cannot be told apart in a chart.
MOST_BEATS = 60
QUANTILES = {
    "p01": "lowest 1 %",
    "p25": "lower quartile",
    "p50": "median",
    "p75": "upper quartile",
    "p99": "highest 1 %",
}


def subject_choice(publication: Published) -> mo.ui.dropdown:
    """Offer the people who have ECG recordings."""
    subjects = publication.con.execute("select subject_key, sex, run_count from ecg.subject order by all").fetchall()
    options = {f"{key} ({sex or 'sex unknown'}, {count} runs)": key for key, sex, count in subjects}
    return mo.ui.dropdown(options, value=next(iter(options)), label="Person", searchable=True, allow_select_none=False)


def run_choice(publication: Published, subject_key: str) -> mo.ui.dropdown:
    """Offer the runs of a person."""
    runs = publication.con.execute(
        "select run_key, recorded_on, is_usable from ecg.run where subject_key = ? order by run_number", [subject_key]
    ).fetchall()
    options = {f"{key}, {day or 'day unknown'}{'' if usable else ' (not usable)'}": key for key, day, usable in runs}
    return mo.ui.dropdown(options, value=next(iter(options)), label="Run", allow_select_none=False)


def stored_signals(paths: list[str]) -> str:
    """Write the SQL that joins Parquet files of signals with the runs whose current signal they hold.

    A file may also hold signals that were since replaced, or that are not published yet.
    """
    return f"""
        read_parquet([{", ".join(map(text, paths))}], hive_partitioning = false) as signal
        inner join ecg.run_metadata as metadata
            on
                signal.run_key = metadata.run_key
                and signal.raw_path = metadata.loaded_raw_path
                and signal.load_id = metadata.transform_load_id
    """


def signal_curve(time_s: npt.NDArray[Any], value_mv: npt.NDArray[Any], zoom_s: Any, title: str, colour: str) -> Any:
    """Draw a stretch of a signal, in millivolts over seconds."""
    return (
        alt.Chart(chart.line(time_s, value_mv), title=title, height=180, width="container")
        .mark_line(color=colour, strokeWidth=1)
        .encode(
            x=alt.X("at:Q", title="time, s", scale=alt.Scale(domain=zoom_s, nice=False)),
            y=alt.Y("value:Q", title="mV", scale=alt.Scale(zero=False)),
            tooltip=[
                alt.Tooltip("at:Q", title="time, s", format=".3f"),
                alt.Tooltip("value:Q", title="mV", format=".3f"),
            ],
        )
    )


def r_peak_marks(time_s: npt.NDArray[Any], value_mv: npt.NDArray[Any]) -> Any:
    """Mark R peaks with triangles above the signal."""
    peaks = pa.table({"at": time_s, "value": pa.array(value_mv, from_pandas=True)})
    return (
        alt.Chart(peaks.slice(0, chart.MAX_POINTS))
        .mark_point(shape="triangle-down", size=50, color=chart.VERMILLION, yOffset=-10)
        .encode(x="at:Q", y="value:Q", tooltip=[alt.Tooltip("at:Q", title="R peak at, s", format=".3f")])
    )


def whole_beats(
    filtered_mv: npt.NDArray[Any], r_peak: npt.NDArray[Any], rate_hz: float
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Cut the beats out of a signal that lie in it as a whole: times from R in ms, and a row of millivolts a beat."""
    before, after = int(BEAT_BEFORE_S * rate_hz), int(BEAT_AFTER_S * rate_hz)
    whole = r_peak[(r_peak >= before) & (r_peak + after < len(filtered_mv))]
    window = np.arange(-before, after)
    return window / rate_hz * 1000, filtered_mv[whole[:, None] + window]


def overlaid_beats(time_ms: npt.NDArray[Any], beats_mv: npt.NDArray[Any]) -> tuple[Any, int]:
    """Draw beats one on top of the other, with the average of all; return also how many are drawn."""
    drawn = np.unique(np.linspace(0, len(beats_mv) - 1, min(len(beats_mv), MOST_BEATS)).astype(int))
    rows = pa.concat_tables(chart.line(time_ms, beats_mv[n], most=100, beat=int(n) + 1) for n in drawn)
    x = alt.X("at:Q", title="time from the R peak, ms", scale=alt.Scale(nice=False))
    y = alt.Y("value:Q", title="mV", scale=alt.Scale(zero=False))
    single = (
        alt.Chart(rows)
        .mark_line(color=chart.SKY, opacity=0.35, strokeWidth=1)
        .encode(x=x, y=y, detail="beat:N", tooltip=[alt.Tooltip("beat:N", title="beat number")])
    )
    mean = (
        alt.Chart(chart.line(time_ms, np.nanmean(beats_mv, axis=0)))
        .mark_line(color=chart.VERMILLION, strokeWidth=2.5)
        .encode(x=x, y=y)
    )
    return alt.layer(single, mean, width="container", height=260), len(drawn)


def box_chart(rows: pa.Table, kind: str, colour: str) -> Any:
    """Draw a box with whiskers for each run, from quantiles of its raw or filtered values."""
    base = alt.Chart(rows, height=alt.Step(26)).encode(y=alt.Y("run_number:O", title="run"))
    tooltip = [
        alt.Tooltip("run_key:N", title="run"),
        *(alt.Tooltip(f"{name}:Q", title=f"{title}, mV", format=".3f") for name, title in QUANTILES.items()),
    ]
    x = alt.X("p01:Q", title="mV", scale=alt.Scale(zero=False))
    return (
        alt.layer(
            base.mark_rule(color=colour).encode(x=x, x2="p99:Q"),
            base.mark_bar(color=colour, size=14).encode(x="p25:Q", x2="p75:Q", tooltip=tooltip),
            base.mark_tick(color="white", size=14, thickness=2).encode(x="p50:Q"),
        )
        .transform_filter(alt.datum.kind == kind)
        .properties(title=f"{kind} values", width="container")
    )
