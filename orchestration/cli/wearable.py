"""Commands of wearable studies: `vitalhouse series` and `vitalhouse estimate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from orchestration.lib.core.errors import VitalhouseError
from orchestration.lib.core.home import Home


@click.command()
@click.argument("participant")
@click.argument("metric", default="heart_rate_bpm")
@click.option("--start", type=click.DateTime(), help="First time, UTC (default: the first reading).")
@click.option("--end", type=click.DateTime(), help="Last time, UTC (default: the last reading).")
@click.option("--max-points", type=click.IntRange(min=3), default=500, show_default=True)
@click.option("--resolution", default="auto", show_default=True, help="auto, 1m, 15m, 1h or 1d.")
@click.option("--cursor", type=click.DateTime(), help="Continue after this time, which the previous page names.")
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), help="Draw a PNG instead of a table.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
def series(participant: str, metric: str, plot: Path | None, as_csv: bool, **options: Any) -> None:
    """Show a METRIC of a PARTICIPANT of a wearable study.

    Reads the published file and shows at most a few hundred points.
    """
    from orchestration.cli.table import print_table
    from orchestration.lib.query import timeseries
    from orchestration.lib.query.published import open_published

    with open_published(Home.from_environment().published_path) as con:
        key = timeseries.find_participant(con, participant)
        first, last = timeseries.extent(con, key, metric)
        start, end = options.pop("start") or first, options.pop("end") or last
        buckets = timeseries.read_series(key, metric, start, end, con=con, **options)
    if not len(buckets):
        raise VitalhouseError(f"there is no {metric} of {key} from {start} to {end}: it reaches from {first} to {last}")
    if plot is not None:
        timeseries.plot(buckets, plot)
        click.echo(f"{len(buckets):,} points of {buckets.resolution} from {start} to {end}: {plot}")
    elif as_csv:
        click.echo(buckets.as_csv(), nl=False)
    else:
        print_table(timeseries.COLUMNS, buckets.rows(), f"{key}: {metric}, {buckets.resolution}")
    if buckets.next_cursor is not None:
        click.echo(f"there is more: --cursor '{buckets.next_cursor}'", err=True)


@click.command()
@click.option("--participants", type=click.IntRange(min=1), required=True)
@click.option("--days", type=click.IntRange(min=1), required=True)
@click.option("--metrics", default="heart_rate_bpm", show_default=True, help="Names, separated by commas.")
@click.option("--interval-seconds", type=click.FloatRange(min=0, min_open=True), default=1.0, show_default=True)
def estimate(participants: int, days: int, metrics: str, interval_seconds: float) -> None:
    """Estimate how much data a wearable study will be.

    It uses the size of a reading in this warehouse.
    """
    from contextlib import nullcontext

    from orchestration.lib.sources.wearable.size_estimate import MIN_MEASURED_ROWS, estimate
    from orchestration.lib.warehouse.connection import Warehouse

    home = Home.from_environment()
    names = [name.strip() for name in metrics.split(",") if name.strip()]
    warehouse = Warehouse(home.warehouse_path, lock_timeout_seconds=10)
    with warehouse.read() if home.warehouse_path.exists() else nullcontext() as con:
        size = estimate(con, participants, days, names, interval_seconds)
    click.echo(f"points               {size.points:,}")
    click.echo(f"bytes at 4 a value   {size.raw_bytes:,}")
    if size.warehouse_bytes is None:
        click.echo(
            f"bytes in a warehouse not measured: {size.measured_rows:,} readings are loaded, "
            f"and it takes {MIN_MEASURED_ROWS:,} (vitalhouse generate wearable, vitalhouse build)"
        )
    else:
        click.echo(
            f"bytes in a warehouse {size.warehouse_bytes:,} ({size.bytes_per_row:.2f} a reading, raw table and "
            f"roll-ups together, measured on the {size.measured_rows:,} readings of {home.warehouse_path})"
        )
