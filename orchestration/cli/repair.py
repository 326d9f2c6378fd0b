"""`vitalhouse repair`."""

import click

from orchestration.lib.core.home import Home


@click.command()
def repair() -> None:
    """Repair a warehouse file that a killed process left half written.

    Works on a copy and keeps the original. Other damage cannot be repaired: a new build loads the lake again.
    """
    from orchestration.lib.core.lock import hold_lock
    from orchestration.lib.warehouse.repair import repair

    home = Home.from_environment().ensure()
    with hold_lock(home.build_lock_path, wait=False):
        original = repair(home.warehouse_path)
    if original is None:
        click.echo(f"{home.warehouse_path} needs no repair")
    else:
        click.echo(f"repaired {home.warehouse_path}; the original is kept as {original.name}")
