"""The `vitalhouse` command. What is slow to import is imported inside the commands: `--help` must not wait for it."""

from __future__ import annotations

from typing import Any

import click

from orchestration.cli.build import build
from orchestration.cli.dbt import dbt
from orchestration.cli.generate import generate
from orchestration.cli.practice import listen
from orchestration.cli.query import sql, status
from orchestration.cli.repair import repair
from orchestration.cli.serve import notebook, serve
from orchestration.cli.wearable import estimate, series
from orchestration.lib.core.errors import VitalhouseError


class Commands(click.Group):
    """Ends with one line and an exit code if a command fails, not with a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, and turn its errors into messages."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except VitalhouseError as error:
            self._end(ctx, f"error: {error}", error.exit_code)
        except KeyboardInterrupt:
            # 128 + SIGINT, as shells do.
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


for command in (build, dbt, estimate, generate, listen, notebook, repair, series, serve, sql, status):
    main.add_command(command)

if __name__ == "__main__":
    main()
