"""`vitalhouse listen`, the receiver of a doctor's office."""

from __future__ import annotations

from pathlib import Path

import click

from orchestration.lib.core.home import Home

PIPE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.option("--clinic", required=True, help="Name of the doctor's office in the lake.")
@click.option("--claims", required=True, type=PIPE, help="Named pipe on which the office publishes claims.")
@click.option("--diagnoses", required=True, type=PIPE, help="Named pipe on which it publishes diagnoses.")
@click.option(
    "--flush-seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    help="Write at least this often; a kill loses no more.",
)
def listen(clinic: str, claims: Path, diagnoses: Path, flush_seconds: float) -> None:
    """Receive claims and diagnoses of a doctor's office.

    Writes them into the lake until Ctrl-C.
    """
    from orchestration.lib.core.lock import hold_lock
    from orchestration.lib.lake.files import Lake
    from orchestration.lib.sources.practice.listener import listen, office_lock

    home = Home.from_environment().ensure()
    with hold_lock(office_lock(home, clinic), wait=False, task=f"listener for {clinic}"):
        listen(Lake(home.lake_path), clinic, claims, diagnoses, flush_seconds)
