"""How charts look, the same in every notebook, and how few points they need."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import altair as alt
import duckdb
import marimo as mo
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from python_transforms.timeseries import downsample

# Okabe and Ito (2008), Color Universal Design: told apart with any kind of colour vision, and in grey. Their yellow is
# left out, which is hard to see on white.
BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, GREY = (
    *("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"),
    "#8C8C8C",
)
PALETTE = [BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, GREY]
# As many points as a chart is wide, nearly: more cannot be told apart, and only make the page slow.
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
    """Rows of an SQL cell, for a chart, a table on the page or Python.

    Sums and amounts of money are decimals, which JavaScript does not have: they become floating-point numbers.
    """
    found = relation.to_arrow_table()
    types = [pa.float64() if pa.types.is_decimal(field.type) else field.type for field in found.schema]
    return found.cast(pa.schema(zip(found.column_names, types, strict=True)))


def line(
    times: npt.ArrayLike, values: npt.ArrayLike, *, longest_gap: Any = None, most: int = MAX_POINTS, **columns: Any
) -> pa.Table:
    """A series as rows ``at`` and ``value`` for a line: no more than ``most``, of the shape of all.

    Parameters
    ----------
    times, values
        Shape ``(n,)``, times ascending. NaN is a gap, and breaks the line.
    longest_gap
        Times farther apart than this have a gap between them too; in the unit of ``times``.
    columns
        What else each row says, such as the name of the series.
    """
    at, value = np.asarray(times), np.asarray(values, dtype=np.float64)
    if longest_gap is not None and len(at) > 1:
        after = np.flatnonzero(np.diff(at) > longest_gap)
        at, value = np.insert(at, after + 1, at[after]), np.insert(value, after + 1, np.nan)
    # What is chosen of a gap does not matter, as long as some of it is.
    kept = downsample(at, np.nan_to_num(value, nan=float(np.nanmin(value)) if np.isfinite(value).any() else 0.0), most)
    rows = {"at": pa.array(at[kept]), "value": pa.array(value[kept], from_pandas=True)}
    return pa.table(rows | {name: pa.array([each] * len(kept)) for name, each in columns.items()})


def shown(chart: Any, rows: pa.Table, if_empty: str) -> Any:
    """The chart where there is something to draw, or else a sentence in its place."""
    return chart if rows.num_rows else mo.callout(mo.md(if_empty), kind="neutral")


def step_for(first: datetime, last: datetime, finest: str = "10 minutes") -> str:
    """The narrowest bar that leaves no more than `MAX_POINTS` of them between two times; a name of `STEPS`."""
    names = list(STEPS)[list(STEPS).index(finest) :]
    seconds = (last - first).total_seconds()
    return next((name for name in names if seconds / STEPS[name] <= MAX_POINTS), names[-1])


def time_axis(first: datetime, last: datetime, title: str = "time, UTC") -> alt.Axis:
    """Axis of times between these two, in 24 hours and days as ISO 8601 writes them."""
    days = (last - first).total_seconds() / 86_400
    return alt.Axis(
        title=title, format="%H:%M" if days <= 1 else "%m-%d %H:%M" if days <= 7 else "%Y-%m-%d", labelOverlap=True
    )


def bars(
    rows: pa.Table, value: str, label: str, *, title: str, unit: str, colour: str = BLUE
) -> alt.LayerChart | alt.FacetChart:
    """Horizontal bars, the longest on top, each with its figure."""
    base = alt.Chart(rows, height=alt.Step(26)).encode(
        x=alt.X(f"{value}:Q", title=unit, axis=alt.Axis(tickMinStep=1, format=",", labelOverlap=True)),
        y=alt.Y(f"{label}:N", title=None, sort="-x"),
        tooltip=[alt.Tooltip(f"{label}:N", title=" "), alt.Tooltip(f"{value}:Q", title=unit, format=",")],
    )
    figures = base.mark_text(align="left", dx=4, color="#404040").encode(text=alt.Text(f"{value}:Q", format=","))
    return alt.layer(base.mark_bar(color=colour), figures, title=title, width="container")


def listed(rows: pa.Table, *, page_size: int = 10, formats: dict[str, Any] | None = None) -> Any:
    """Rows as a table on the page."""
    return mo.ui.table(
        rows,
        selection=None,
        page_size=page_size,
        show_column_summaries=False,
        show_data_types=False,
        format_mapping=formats,
    )


def choices(values: Sequence[Any]) -> dict[str, Any]:
    """Options of a control by what is read, for values that may be of any type."""
    return {str(value): value for value in values}
