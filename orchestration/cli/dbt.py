"""`vitalhouse dbt`."""

from __future__ import annotations

import sys

import click

from orchestration.lib.core.home import Home


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def dbt(arguments: tuple[str, ...]) -> None:
    """Run dbt on the warehouse of this home.

    For example: vitalhouse dbt -- test --select run.
    """
    from orchestration.lib.modelling.dbt_cli import run

    sys.exit(run(Home.from_environment().ensure(), arguments))
