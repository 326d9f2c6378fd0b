"""The `vitalhouse` command. Everything heavy is imported where it is needed: `--help` must not wait for Dagster."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestration.cli.repair import repair
from orchestration.lib.core.errors import UsageError, VitalhouseError
from orchestration.lib.core.home import Home

if TYPE_CHECKING:
    from orchestration.lib.build.plan import Report

SQL_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
PIPE = click.Path(dir_okay=False, path_type=Path)


class Commands(click.Group):
    """Ends with one line and an exit code where a user can mend what went wrong."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except VitalhouseError as error:
            self._end(ctx, f"error: {error}", error.exit_code)
        except KeyboardInterrupt:
            # 128 + SIGINT, as shells have it.
            self._end(ctx, "interrupted: what was committed stays, and the next build goes on from there", 130)
        except Exception as error:
            message = f"unexpected {type(error).__name__}: {error}"
            self._end(ctx, f"{message}\nrun with --debug to see where: vitalhouse --debug …", 1)

    def _end(self, ctx: click.Context, message: str, exit_code: int) -> None:
        if ctx.params.get("debug"):
            raise
        click.echo(message, err=True)
        ctx.exit(exit_code)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show where an error arose.")
@click.version_option(package_name="vitalhouse")
def main(debug: bool) -> None:
    """From a clinic's files to a queryable warehouse.

    VITALHOUSE_HOME names the folder that holds everything (default: data/ in the repository).
    """


@main.command()
@click.option("--measurement", "-m", help="Only this source, such as ecg.")
@click.option("--delivery", "-d", "deliveries", multiple=True, help="Only this delivery (may be given again).")
@click.option("--reload", is_flag=True, help="Load these deliveries again, replacing their rows.")
@click.option("--recompute", is_flag=True, help="Compute again what an older version of the transforms computed.")
@click.option("--full-refresh", is_flag=True, help="Build incremental models from all rows, not only new ones.")
def build(**options: Any) -> None:
    """Claim, load, transform, model, test and publish what is new."""
    from orchestration.lib.build.build import build
    from orchestration.lib.build.plan import Request
    from orchestration.lib.core import progress

    request, home = Request(**options), Home.from_environment().ensure()
    # A wrong name is said at once, not after the seconds that Dagster takes to start.
    request.measurements  # noqa: B018
    with progress.showing_here():
        report = build(request, home, _load_definitions)
    _print_report(report, home)
    sys.exit(0 if report.is_good else 1)


def _load_definitions(home: Home) -> Any:
    """Import Dagster's definitions, which takes seconds and may parse the dbt project."""
    from orchestration.lib.core import progress

    progress.write("reading the dbt project")
    from orchestration.definitions import definitions

    return definitions(home)


@main.command()
@click.argument("measurement")
@click.option("--scale", type=click.FloatRange(min=0, min_open=True), default=1.0, help="Factor on how many people.")
@click.option("--seed", type=click.IntRange(min=0), help="Other people; the same seed gives the same files.")
@click.option("--bad-input", is_flag=True, help="Also one example of each bad input, in a delivery of its own.")
@click.option("--days", type=click.IntRange(min=5), help="Days of a wearable study (default: 7).")
@click.option("--interval-seconds", type=click.IntRange(1, 60), help="Between a watch's heart rates (default: 5).")
def generate(measurement: str, scale: float, seed: int | None, bad_input: bool, **of_wearable: int | None) -> None:
    """Write synthetic deliveries of a MEASUREMENT, or of `all`, into the lake."""
    import importlib

    from orchestration.lib.sources import MEASUREMENTS

    if measurement not in (*MEASUREMENTS, "all"):
        raise UsageError(f"there is no measurement {measurement}: choose from {', '.join(MEASUREMENTS)} or all")
    incoming = Home.from_environment().ensure().lake_path / "incoming"
    seeded = {} if seed is None else {"seed": seed}
    of_wearable = {name: value for name, value in of_wearable.items() if value is not None}
    if of_wearable and measurement != "wearable":
        raise UsageError("--days and --interval-seconds are for wearable alone")
    for each in MEASUREMENTS if measurement == "all" else (measurement,):
        generator = importlib.import_module(f"synthetic.{each}")
        try:
            folders = generator.write_deliveries(incoming, scale=scale, **seeded, **of_wearable)
            examples = generator.write_bad_inputs(incoming, **seeded) if bad_input else {}
        except (FileExistsError, ValueError) as error:
            raise VitalhouseError(str(error)) from None
        for folder in folders:
            click.echo(f"{each}: {folder}")
        if examples:
            click.echo(f"{each}: {len(examples)} bad inputs: {', '.join(examples)}")


@main.command()
@click.option("--clinic", required=True, help="Name of the doctor's office in the lake.")
@click.option("--claims", required=True, type=PIPE, help="Named pipe on which the office publishes claims.")
@click.option("--diagnoses", required=True, type=PIPE, help="Named pipe on which it publishes diagnoses.")
@click.option(
    "--flush-seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    help="Write what has come at least so often; a kill loses no more.",
)
def listen(clinic: str, claims: Path, diagnoses: Path, flush_seconds: float) -> None:
    """Receive a doctor's office's claims and diagnoses until Ctrl-C, and write them into the lake."""
    from orchestration.lib.core.lock import hold_lock
    from orchestration.lib.lake.files import Lake
    from orchestration.lib.sources.practice.listener import listen, office_lock

    home = Home.from_environment().ensure()
    with hold_lock(office_lock(home, clinic), wait=False, what=f"listener for {clinic}"):
        listen(Lake(home.lake_path), clinic, claims, diagnoses, flush_seconds)


@main.command()
def status() -> None:
    """Show deliveries, files by status, what was rejected and why, what waits, and each source's last load."""
    from orchestration.cli.table import print_table
    from orchestration.lib.query.status import status

    found = status(Home.from_environment())
    if found.remark:
        click.echo(found.remark)
    for section in found.sections:
        if section.rows and section.columns:
            print_table(section.columns, section.rows, section.title)
        elif section.rows:
            click.echo(f"\n{section.title}")
            for (line,) in section.rows:
                click.echo(f"  {line}")
        else:
            click.echo(f"\n{section.title}: {section.if_empty}")


@main.command()
@click.argument("query", required=False)
@click.option(
    "--file", "-f", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Read the query from this file."
)
@click.option("--warehouse", is_flag=True, help="Ask the warehouse itself (read-only), not the published file.")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
def sql(query: str | None, file: Path | None, warehouse: bool, form: str) -> None:
    """Answer a QUERY on the published file."""
    from orchestration.cli.table import print_table
    from orchestration.lib.query.sql import run_query, run_script

    if (query is None) == (file is None):
        raise click.UsageError("give either a query or --file")
    home, text = Home.from_environment(), file.read_text() if file else query or ""
    if form == "table":
        for result in run_script(home, text, of_warehouse=warehouse):
            print_table(result.columns, result.rows, result.title)
        return
    answer = run_query(home, text, of_warehouse=warehouse)
    click.echo(answer.as_csv() if form == "csv" else answer.as_json(), nl=False)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one.")
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Let in only who has the token in this file; needed for any host but this machine.",
)
def serve(host: str, port: int, token_file: Path | None) -> None:
    """Serve apps and API on the published file until Ctrl-C."""
    from serving.server import serve

    serve(Home.from_environment().ensure(), host, port, token_file, click.echo)


@main.command()
@click.argument("participant")
@click.argument("metric", default="heart_rate_bpm")
@click.option("--start", type=click.DateTime(), help="From when, UTC (default: the first reading).")
@click.option("--end", type=click.DateTime(), help="Until when, UTC (default: the last reading).")
@click.option("--max-points", type=click.IntRange(min=3), default=500, show_default=True)
@click.option("--resolution", default="auto", show_default=True, help="auto, 1m, 15m, 1h or 1d.")
@click.option("--cursor", type=click.DateTime(), help="Go on after this time: the previous page names it.")
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), help="Draw a PNG instead of a table.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
def series(participant: str, metric: str, plot: Path | None, as_csv: bool, **options: Any) -> None:
    """Show a METRIC of a PARTICIPANT of a wearable study, in a few hundred points, from the published file."""
    from orchestration.cli.table import print_table
    from orchestration.lib.query import timeseries as lib
    from orchestration.lib.query.published import open_published

    with open_published(Home.from_environment().published_path) as con:
        key = lib.find_participant(con, participant)
        first, last = lib.extent(con, key, metric)
        start, end = options.pop("start") or first, options.pop("end") or last
        found = lib.read_series(key, metric, start, end, con=con, **options)
    if not len(found):
        raise VitalhouseError(f"there is no {metric} of {key} from {start} to {end}: it reaches from {first} to {last}")
    if plot is not None:
        lib.plot(found, plot)
        click.echo(f"{len(found):,} points of {found.resolution} from {start} to {end}: {plot}")
    elif as_csv:
        click.echo(found.as_csv(), nl=False)
    else:
        print_table(lib.COLUMNS, found.rows(), f"{key}: {metric}, {found.resolution}")
    if found.next_cursor is not None:
        click.echo(f"there is more: --cursor '{found.next_cursor}'", err=True)


@main.command()
@click.option("--participants", type=click.IntRange(min=1), required=True)
@click.option("--days", type=click.IntRange(min=1), required=True)
@click.option("--metrics", default="heart_rate_bpm", show_default=True, help="Names, with commas between them.")
@click.option("--interval-seconds", type=click.FloatRange(min=0, min_open=True), default=1.0, show_default=True)
def estimate(participants: int, days: int, metrics: str, interval_seconds: float) -> None:
    """Say how much data a wearable study will be, by what this warehouse takes for a reading."""
    from contextlib import nullcontext

    from orchestration.lib.sources.wearable.size_estimate import MIN_MEASURED_ROWS, estimate
    from orchestration.lib.warehouse.connection import Warehouse

    home = Home.from_environment()
    names = [name.strip() for name in metrics.split(",") if name.strip()]
    warehouse = Warehouse(home.warehouse_path, lock_timeout_seconds=10)
    with warehouse.read() if home.warehouse_path.exists() else nullcontext() as con:
        found = estimate(con, participants, days, names, interval_seconds)
    click.echo(f"points               {found.points:,}")
    click.echo(f"bytes at 4 a value   {found.raw_bytes:,}")
    if found.warehouse_bytes is None:
        click.echo(
            f"bytes in a warehouse not measured: {found.measured_rows:,} readings are loaded, "
            f"and it takes {MIN_MEASURED_ROWS:,} (vitalhouse generate wearable, vitalhouse build)"
        )
    else:
        click.echo(
            f"bytes in a warehouse {found.warehouse_bytes:,} ({found.bytes_per_row:.2f} a reading, raw table and "
            f"roll-ups together, measured on the {found.measured_rows:,} readings of {home.warehouse_path})"
        )


@main.command()
@click.argument("name", required=False)
def notebook(name: str | None) -> None:
    """Open the notebook NAME in the browser, with its SQL to change; without a name, list them."""
    from notebooks import descriptions
    from orchestration.cli import notebooks

    if name is not None:
        sys.exit(notebooks.edit(Home.from_environment().ensure(), name))
    for each, description in descriptions().items():
        click.echo(f"{each:<10} {description}")


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def dbt(arguments: tuple[str, ...]) -> None:
    """Run dbt on this home's warehouse: vitalhouse dbt -- test --select run."""
    from orchestration.lib.modelling.dbt_cli import run

    sys.exit(run(Home.from_environment().ensure(), arguments))


main.add_command(repair)


def _print_report(report: Report, home: Home) -> None:
    """The summary of a build; what keeps it from exit code 0 stands on the last lines."""
    from orchestration.cli.table import print_table

    if not report.row_counts and not report.failures:
        since = f" since the build of {report.last_news_at[:16].replace('T', ' ')} UTC" if report.last_news_at else ""
        click.echo(f"nothing new{since}")
    if report.row_counts and not report.failures:
        rows = [
            (name, count, _change(count, report.previous_row_counts.get(name)))
            for name, count in report.row_counts.items()
        ]
        print_table(("relation", "rows", "change"), rows)
        click.echo(f"published {len(rows)} relations to {home.published_path}")
    click.echo(f"took {report.seconds:.1f} s")
    _print_lines("waiting for their partner", report.waiting, report.waiting_count)
    _print_lines("rejected in this build", report.rejected, report.rejected_count)
    if report.failures:
        _print_lines("failed, so nothing was published", report.failures, len(report.failures))
        click.echo(f"log: {home.build_log_path}")


def _change(count: int, previous: int | None) -> str:
    if previous is None:
        return "new"
    return f"{count - previous:+,}" if count != previous else ""


def _print_lines(title: str, lines: list[str], count: int) -> None:
    if not count:
        return
    click.echo(f"{title} ({count:,}):")
    for line in lines:
        click.echo(f"  {line}")
    if count > len(lines):
        click.echo(f"  … and {count - len(lines):,} more: vitalhouse status")


if __name__ == "__main__":
    main()
