"""`vitalhouse build`, and the summary that it prints."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from orchestration.lib.core.home import Home

if TYPE_CHECKING:
    from orchestration.lib.build.plan import Report


@click.command()
@click.option("--measurement", "-m", help="Build this source alone, such as ecg.")
@click.option("--delivery", "-d", "deliveries", multiple=True, help="Load this delivery alone (may be given again).")
@click.option("--reload", is_flag=True, help="Load these deliveries again, replacing their rows.")
@click.option("--recompute", is_flag=True, help="Compute again what an older version of the transforms computed.")
@click.option("--full-refresh", is_flag=True, help="Build incremental models from all rows, not only from new ones.")
def build(**options: Any) -> None:
    """Load, model, test and publish new deliveries.

    First it claims what providers have written into `latest/`. Without new deliveries it ends at once.
    """
    from orchestration.lib.build.build import build
    from orchestration.lib.build.plan import Request
    from orchestration.lib.core import progress

    request, home = Request(**options), Home.from_environment().ensure()
    # Refuses a wrong name at once, not after the seconds that Dagster takes to start.
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


def _print_report(report: Report, home: Home) -> None:
    """Print the summary of a build; the reasons for an exit code other than 0 stand on the last lines."""
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
