"""Draw charts, the same way in every notebook, with no more points than they need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import altair as alt
import duckdb
import marimo as mo
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from orchestration.lib.query.timeseries import RESOLUTIONS
from python_transforms.timeseries import downsample

# Okabe and Ito (2008), Color Universal Design: distinct with any kind of colour vision, and in grey. Their yellow is
# left out, which is hard to see on white.
BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, GREY = (
    *("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"),
    "#8C8C8C",
)
# Colour of missing values.
PALE = "#E0E0E0"
PALETTE = [BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, GREY]
# Nearly as many points as a chart has pixels in its width: more cannot be distinguished, and make the page slow.
MAX_POINTS = 500
HEIGHT = 280
# Widths of a bar in time, and what to call them.
STEPS = {
    "10 minutes": 600,
    "hour": 3_600,
    "6 hours": 21_600,
    "day": 86_400,
    "week": 604_800,
    "4 weeks": 2_419_200,
    "year": 31_557_600,
}


@alt.theme.register("vitalhouse", enable=True)
def _theme() -> alt.theme.ThemeConfig:
    font = "system-ui, sans-serif"  # no font is fetched from anywhere
    return {
        # The menu of a chart saves pictures; Vega's editor is another host.
        "usermeta": {
            "embedOptions": {"actions": {"export": True, "source": False, "compiled": False, "editor": False}}
        },
        "config": {
            "font": font,
            "background": "#ffffff",
            "view": {"stroke": None, "continuousHeight": HEIGHT},
            "title": {"anchor": "start", "fontSize": 15, "fontWeight": 600, "subtitleColor": "#5c5c5c", "offset": 12},
            "axis": {
                "labelFontSize": 12,
                "titleFontSize": 12,
                "titleFontWeight": 500,
                "titleColor": "#404040",
                "labelColor": "#404040",
                "gridColor": "#e8e8e8",
                "domainColor": "#b0b0b0",
                "tickColor": "#b0b0b0",
                "labelLimit": 260,
            },
            "legend": {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": 500, "labelLimit": 260},
            "range": {"category": PALETTE},
            "bar": {"color": BLUE},
            "line": {"color": BLUE, "strokeWidth": 1.5},
            "point": {"color": BLUE, "filled": True},
        },
    }


def table(relation: duckdb.DuckDBPyRelation) -> pa.Table:
    """Convert the rows of an SQL cell, for a chart, a table on the page or Python.

    Sums and amounts of money are decimals, which JavaScript does not have: they become floating-point numbers.
    """
    rows = relation.to_arrow_table()
    types = [pa.float64() if pa.types.is_decimal(field.type) else field.type for field in rows.schema]
    return rows.cast(pa.schema(zip(rows.column_names, types, strict=True)))


def line(
    times: npt.ArrayLike,
    values: npt.ArrayLike,
    *,
    longest_gap: Any = None,
    most: int = MAX_POINTS,
    also: Mapping[str, npt.ArrayLike] | None = None,
    **columns: Any,
) -> pa.Table:
    """Thin out a series to rows ``at`` and ``value`` for a line: no more than ``most``, of the shape of all.

    Parameters
    ----------
    times, values
        Shape ``(n,)``, times ascending. NaN is a gap, and breaks the line.
    longest_gap
        Times farther apart than this have a gap between them too; in the unit of ``times``.
    also
        More values at these times, shape ``(n,)`` each, such as the ends of a band.
    columns
        What else each row says, such as the name of the series.
    """
    at, value = np.asarray(times), np.asarray(values, dtype=np.float64)
    more = {name: np.asarray(band, dtype=np.float64) for name, band in (also or {}).items()}
    known = value[np.isfinite(value)]
    shape = np.nan_to_num(value, nan=float(known[0]) if len(known) else 0.0)
    # A break takes a point of its own: places for those that are left after thinning out are kept free.
    breaks = 0 if longest_gap is None else min(int(np.count_nonzero(np.diff(at) > longest_gap)), most // 2)
    kept = downsample(at, shape, most - breaks)
    at, value, more = at[kept], value[kept], {name: band[kept] for name, band in more.items()}
    if longest_gap is not None and len(at) > 1:
        steps = np.diff(at)
        # Thinned out, neighbours may be farther apart than they were.
        widest = max(longest_gap, 5 * np.median(steps).astype(steps.dtype))
        after = np.flatnonzero(steps > widest)[: most - len(at)]
        at = np.insert(at, after + 1, at[after])
        value, more = _with_gaps(value, after), {name: _with_gaps(band, after) for name, band in more.items()}
    rows = {"at": pa.array(at), "value": pa.array(value, from_pandas=True)}
    rows |= {name: pa.array(band, from_pandas=True) for name, band in more.items()}
    return pa.table(rows | {name: pa.array([value] * len(at)) for name, value in columns.items()})


def _with_gaps(values: npt.NDArray[np.float64], after: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    return np.insert(values, after + 1, np.nan)


def resolution_for(first: datetime, last: datetime) -> str:
    """Choose the coarsest roll-up of a watch's readings that still has `MAX_POINTS` buckets between two times."""
    seconds = (last - first).total_seconds()
    fine_enough = [name for name, width in RESOLUTIONS.items() if seconds / width >= MAX_POINTS]
    return fine_enough[-1] if fine_enough else next(iter(RESOLUTIONS))


def shown(chart: Any, rows: pa.Table, if_empty: str) -> Any:
    """Show the chart if there are rows to draw, else a sentence in its place."""
    return chart if rows.num_rows else mo.callout(mo.md(if_empty), kind="neutral")


def step_for(first: datetime, last: datetime, finest: str = "10 minutes") -> str:
    """Choose the narrowest bar that leaves no more than `MAX_POINTS` of them between two times; a name of `STEPS`."""
    names = list(STEPS)[list(STEPS).index(finest) :]
    seconds = (last - first).total_seconds()
    return next((name for name in names if seconds / STEPS[name] <= MAX_POINTS), names[-1])


def time_axis(first: datetime, last: datetime, title: str = "time, UTC") -> alt.Axis:
    """Make the axis of times between these two, in 24 hours and days as ISO 8601 writes them."""
    days = (last - first).total_seconds() / 86_400
    return alt.Axis(
        title=title, format="%H:%M" if days <= 1 else "%m-%d %H:%M" if days <= 7 else "%Y-%m-%d", labelOverlap=True
    )


def bars(
    rows: pa.Table, value: str, label: str, *, title: str, unit: str, colour: str = BLUE
) -> alt.LayerChart | alt.FacetChart:
    """Draw horizontal bars, the longest on top, each with its figure."""
    base = alt.Chart(rows, height=alt.Step(26)).encode(
        x=alt.X(f"{value}:Q", title=unit, axis=alt.Axis(tickMinStep=1, format=",d", labelOverlap=True)),
        y=alt.Y(f"{label}:N", title=None, sort="-x"),
        tooltip=[alt.Tooltip(f"{label}:N", title=" "), alt.Tooltip(f"{value}:Q", title=unit, format=",")],
    )
    figures = base.mark_text(align="left", dx=4, color="#404040").encode(text=alt.Text(f"{value}:Q", format=","))
    return alt.layer(base.mark_bar(color=colour), figures, title=title, width="container")


def figures(*items: tuple[str, str] | tuple[str, str, str]) -> Any:
    """Show figures side by side, each with its label and, if it has one, a caption."""
    stats = [mo.stat(value, label=label, caption="".join(caption), bordered=True) for value, label, *caption in items]
    return mo.hstack(stats, widths="equal", wrap=True)


def listed(rows: pa.Table, *, page_size: int = 10, formats: dict[str, Any] | None = None) -> Any:
    """Show rows as a table on the page."""
    return mo.ui.table(
        rows,
        selection=None,
        page_size=page_size,
        show_column_summaries=False,
        show_data_types=False,
        format_mapping=formats,
    )


def choices(values: Sequence[Any]) -> dict[str, Any]:
    """Label the options of a control, whose values may be of any type, with their text."""
    return {str(value): value for value in values}
