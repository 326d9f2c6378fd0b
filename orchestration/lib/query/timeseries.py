"""Read a participant's readings in a few hundred points, from the coarsest roll-up that is fine enough."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from orchestration.lib.core.errors import NotThere, UsageError, VitalhouseError
from python_transforms.timeseries import downsample

# Seconds of a bucket of each roll-up, the finest first.
RESOLUTIONS = {"1m": 60, "15m": 900, "1h": 3_600, "1d": 86_400}
COLUMNS = ("bucket_start_at", "reading_count", "value_mean", "value_min", "value_max")


@dataclass(frozen=True)
class Series:
    """Buckets of one metric of one participant, in the order of time; arrays of equal length.

    ``next_cursor`` is where the next page goes on; ``None`` on the last one.
    """

    participant: str
    metric: str
    resolution: str
    bucket_start_at: npt.NDArray[np.datetime64]
    reading_count: npt.NDArray[np.int64]
    value_mean: npt.NDArray[np.float64]
    value_min: npt.NDArray[np.float64]
    value_max: npt.NDArray[np.float64]
    next_cursor: datetime | None = None

    def __len__(self) -> int:
        return len(self.bucket_start_at)

    def rows(self) -> list[tuple[object, ...]]:
        """Return a tuple of `COLUMNS` for each bucket."""
        return list(zip(*(getattr(self, name).tolist() for name in COLUMNS), strict=True))

    def as_csv(self) -> str:
        """Format as CSV with a header."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([at.isoformat(sep=" "), *rest] for at, *rest in self.rows())  # type: ignore[attr-defined]
        return out.getvalue()


def read_series(
    participant: str,
    metric: str,
    start: datetime,
    end: datetime,
    max_points: int = 500,
    resolution: str = "auto",
    cursor: datetime | None = None,
    *,
    con: duckdb.DuckDBPyConnection,
) -> Series:
    """Read a participant's readings of a metric from the published file.

    Parameters
    ----------
    participant
        Key of the participant (``watch_study:p001``).
    start, end
        From when (included) until when (not included); without a zone they are UTC.
    max_points
        The most buckets to give, at least 3.
    resolution
        ``auto``: the coarsest roll-up that has ``max_points`` buckets in the range, or else the finest, thinned out to
        ``max_points`` so that its shape stays; one page. Or ``1m``, ``15m``, ``1h``, ``1d``: every bucket of this
        roll-up, page by page.
    cursor
        The previous page's ``next_cursor``: goes on after it.
    con
        The published file, open.

    Raises
    ------
    UsageError
        If an argument is out of its range.
    """
    if max_points < 3:
        raise UsageError(f"max_points must be at least 3, not {max_points}")
    first, last = _utc(start), _utc(end)
    if not first < last:
        raise UsageError(f"the start {start} does not lie before the end {end}")
    chosen = _resolution(resolution, (last - first).total_seconds(), max_points)
    is_paged = resolution != "auto"
    buckets = con.execute(
        f"""
        select {", ".join(COLUMNS)}
        from wearable.reading_{chosen}
        where
            participant_key = $participant and metric = $metric
            and bucket_start_at >= $first and bucket_start_at < $last
            and ($cursor is null or bucket_start_at > $cursor)
        order by bucket_start_at
        {"limit $limit" if is_paged else ""}
        """,
        {
            "participant": participant,
            "metric": metric,
            "first": first,
            "last": last,
            "cursor": None if cursor is None else _utc(cursor),
        }
        | ({"limit": max_points + 1} if is_paged else {}),
    ).fetchnumpy()
    columns: dict[str, Any] = {name: np.asarray(buckets[name]) for name in COLUMNS}
    times = columns["bucket_start_at"]
    if not is_paged:
        kept = downsample(times, columns["value_mean"], max_points)
        return Series(participant, metric, chosen, **{name: values[kept] for name, values in columns.items()})
    has_more = len(times) > max_points
    page = {name: values[:max_points] for name, values in columns.items()}
    next_cursor = page["bucket_start_at"][-1].astype("datetime64[us]").item() if has_more else None
    return Series(participant, metric, chosen, **page, next_cursor=next_cursor)


def _resolution(resolution: str, seconds: float, max_points: int) -> str:
    if resolution == "auto":
        fine_enough = [name for name, width in RESOLUTIONS.items() if seconds / width >= max_points]
        return fine_enough[-1] if fine_enough else next(iter(RESOLUTIONS))
    if resolution not in RESOLUTIONS:
        raise UsageError(f"there is no resolution {resolution}: choose from auto, {', '.join(RESOLUTIONS)}")
    return resolution


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at


def find_series(
    participant: str,
    metric: str,
    start: datetime | None = None,
    end: datetime | None = None,
    max_points: int = 500,
    resolution: str = "auto",
    cursor: datetime | None = None,
    *,
    con: duckdb.DuckDBPyConnection,
) -> Series:
    """Read a series as `read_series` does, of a participant named by key or id; without start or end, all of it.

    Raises
    ------
    NotThere
        If there is no such participant, or nothing of this metric of theirs.
    UsageError
        If another argument is out of its range.
    """
    if start is not None and end is not None:
        series = read_series(participant, metric, start, end, max_points, resolution, cursor, con=con)
        # A series that is found by its key needs no other query.
        if len(series) or cursor is not None:
            return series
    participant = find_participant(con, participant)
    first, last = extent(con, participant, metric)
    return read_series(participant, metric, start or first, end or last, max_points, resolution, cursor, con=con)


def find_participant(con: duckdb.DuckDBPyConnection, named: str) -> str:
    """Find the key of a participant, given the key, or the id alone where it occurs in one study only.

    Raises
    ------
    NotThere
        If there is none.
    UsageError
        If there is more than one.
    """
    keys = [
        key
        for (key,) in con.execute(
            "select participant_key from wearable.participant "
            "where $named in (participant_key, participant_id) order by all",
            {"named": named},
        ).fetchall()
    ]
    if named in keys:
        return named
    if len(keys) > 1:
        raise UsageError(f"{named} is in several studies: name one of {', '.join(keys)}")
    if not keys:
        known = con.execute("select participant_key from wearable.participant order by all limit 10").fetchall()
        raise NotThere(f"there is no participant {named}: there are {', '.join(key for (key,) in known) or 'none'}")
    return str(keys[0])


def extent(con: duckdb.DuckDBPyConnection, participant: str, metric: str) -> tuple[datetime, datetime]:
    """Find the first and the last day of a participant's metric, as the start and end of the whole series.

    Raises
    ------
    NotThere
        If there is none of this metric.
    """
    row = con.execute(
        "select min(bucket_start_at), max(bucket_start_at) + interval '1 day' from wearable.reading_1d "
        "where participant_key = ? and metric = ?",
        [participant, metric],
    ).fetchone()
    if row is None or row[0] is None:
        metrics = con.execute(
            "select distinct metric from wearable.reading_1d where participant_key = ? order by all", [participant]
        ).fetchall()
        known = ", ".join(name for (name,) in metrics) or "none"
        raise NotThere(f"there is no {metric} of {participant}: there are {known}")
    return row[0], row[1]


def plot(series: Series, path: Path, timezone: str = "UTC") -> None:
    """Draw a series as a PNG: its means, and the range between least and greatest value.

    A gap of more than two buckets' width (and more than what thinning out leaves) breaks the line.

    Raises
    ------
    VitalhouseError
        If the file cannot be written.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import dates
    from matplotlib.figure import Figure

    times = series.bucket_start_at.astype("datetime64[us]")
    values, low, high = (
        getattr(series, name).astype(float).copy() for name in ("value_mean", "value_min", "value_max")
    )
    if len(times) > 1:
        gaps = np.diff(times).astype("timedelta64[us]").astype(float)
        longest = max(2e6 * RESOLUTIONS[series.resolution], 5 * float(np.median(gaps)))
        breaks = np.flatnonzero(gaps > longest) + 1
        times = np.insert(times, breaks, times[breaks - 1] + np.timedelta64(1, "s"))
        values, low, high = (np.insert(column, breaks, np.nan) for column in (values, low, high))
    figure = Figure(figsize=(10, 4), layout="constrained")
    axes = figure.add_subplot()
    plotted: Any = times.astype(object)
    axes.fill_between(plotted, low, high, color="tab:red", alpha=0.2, linewidth=0, label="range in the bucket")
    axes.plot(plotted, values, color="tab:red", linewidth=1, label=f"mean of {series.resolution}")
    ticks: Any = dates  # without types
    locator = ticks.AutoDateLocator(tz=timezone)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ticks.ConciseDateFormatter(locator, tz=timezone))
    axes.set(title=f"{series.participant}: {series.metric}", ylabel=series.metric, xlabel=f"time, {timezone}")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper right")
    try:
        figure.savefig(path, format="png", dpi=120)
    except OSError as error:
        raise VitalhouseError(f"cannot write {path}: {error.strerror}") from None
