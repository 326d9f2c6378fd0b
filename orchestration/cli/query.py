"""Commands that read: `vitalhouse status` and `vitalhouse sql`."""

from __future__ import annotations

from pathlib import Path

import click

from orchestration.lib.core.home import Home


@click.command()
def status() -> None:
    """Show deliveries, files, rejected rows and last loads."""
    from orchestration.cli.table import print_table
    from orchestration.lib.query.status import status

    report = status(Home.from_environment())
    if report.remark:
        click.echo(report.remark)
    for section in report.sections:
        if section.rows and section.columns:
            print_table(section.columns, section.rows, section.title)
        elif section.rows:
            click.echo(f"\n{section.title}")
            for (line,) in section.rows:
                click.echo(f"  {line}")
        else:
            click.echo(f"\n{section.title}: {section.if_empty}")


@click.command()
@click.argument("query", required=False)
@click.option(
    "--file", "-f", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Read the query from this file."
)
@click.option("--warehouse", is_flag=True, help="Query the warehouse itself (read-only), not the published file.")
@click.option(
    "--format", "output_format", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True
)
def sql(query: str | None, file: Path | None, warehouse: bool, output_format: str) -> None:
    """Run a QUERY on the published file."""
    from orchestration.cli.table import print_table
    from orchestration.lib.query.sql import run_query, run_script

    if (query is None) == (file is None):
        raise click.UsageError("give either a query or --file")
    home, text = Home.from_environment(), file.read_text() if file else query or ""
    if output_format == "table":
        for result in run_script(home, text, of_warehouse=warehouse):
            print_table(result.columns, result.rows, result.title)
        return
    result = run_query(home, text, of_warehouse=warehouse)
    click.echo(result.as_csv() if output_format == "csv" else result.as_json(), nl=False)
