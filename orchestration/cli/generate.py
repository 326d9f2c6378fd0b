"""`vitalhouse generate`: a subcommand for each source, with the options of its generator."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import click

from orchestration.lib.core.errors import UsageError, VitalhouseError
from orchestration.lib.core.home import Home

if TYPE_CHECKING:
    from synthetic.options import Option

ALL = "all"


class Generators(click.Group):
    """Makes the command of a source when it is called, so that only then its generator and NumPy are imported."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the sources, and `all`."""
        from orchestration.lib.sources import MEASUREMENTS

        return [*MEASUREMENTS, ALL]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """Make the command of a source."""
        known = self.list_commands(ctx)
        if cmd_name not in known:
            raise UsageError(f"there is no measurement {cmd_name}: choose from {', '.join(known[:-1])} or {ALL}")
        if cmd_name == ALL:
            return _command(ALL, known[:-1], ())
        return _command(cmd_name, [cmd_name], getattr(importlib.import_module(f"synthetic.{cmd_name}"), "OPTIONS", ()))


def _command(name: str, measurements: list[str], options: tuple[Option, ...]) -> click.Command:
    def run(**values: Any) -> None:
        _generate(measurements, **values)

    parameters = [
        click.Option(
            ["--scale"],
            type=click.FloatRange(min=0, min_open=True),
            default=1.0,
            help="Factor on the number of people.",
        ),
        click.Option(
            ["--seed"], type=click.IntRange(min=0), help="Make other people; the same seed makes the same files."
        ),
        click.Option(["--bad-input"], is_flag=True, help="Add a delivery with an example of each bad input."),
        *(
            click.Option([option.flag], type=click.IntRange(option.minimum, option.maximum), help=option.help)
            for option in options
        ),
    ]
    sources = "all sources" if name == ALL else name
    return click.Command(name, callback=run, params=[*parameters], help=f"Write synthetic deliveries of {sources}.")


def _generate(measurements: list[str], scale: float, bad_input: bool, **options: int | None) -> None:
    incoming = Home.from_environment().ensure().lake_path / "incoming"
    given = {name: value for name, value in options.items() if value is not None}
    seed = {name: value for name, value in given.items() if name == "seed"}
    for measurement in measurements:
        generator = importlib.import_module(f"synthetic.{measurement}")
        try:
            folders = generator.write_deliveries(incoming, scale=scale, **given)
            examples = generator.write_bad_inputs(incoming, **seed) if bad_input else {}
        except (FileExistsError, ValueError) as error:
            raise VitalhouseError(str(error)) from None
        for folder in folders:
            click.echo(f"{measurement}: {folder}")
        if examples:
            click.echo(f"{measurement}: {len(examples)} bad inputs: {', '.join(examples)}")


@click.group(cls=Generators, subcommand_metavar="MEASUREMENT [OPTIONS]...")
def generate() -> None:
    """Write synthetic deliveries into the lake.

    Each source has options of its own: vitalhouse generate MEASUREMENT --help.
    """
