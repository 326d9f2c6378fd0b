"""Commands that show the data in a browser: `vitalhouse serve` and `vitalhouse notebook`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from orchestration.lib.core.home import Home


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one.")
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Require the token in this file; needed for any host but this machine.",
)
def serve(host: str, port: int, token_file: Path | None) -> None:
    """Serve apps and API on the published file until Ctrl-C."""
    from serving.server import serve

    serve(Home.from_environment().ensure(), host, port, token_file, click.echo)


@click.command()
@click.argument("name", required=False)
def notebook(name: str | None) -> None:
    """Open the notebook NAME in the browser.

    Its SQL can be changed there. Without a name, the notebooks are listed.
    """
    from notebooks import read_notebooks
    from orchestration.cli import notebooks

    if name is not None:
        sys.exit(notebooks.edit(Home.from_environment().ensure(), name))
    known = read_notebooks()
    width = max(len(known_notebook.name) for known_notebook in known)
    for known_notebook in known:
        click.echo(f"{known_notebook.name:<{width}} {known_notebook.description}")
