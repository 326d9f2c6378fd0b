"""Run the command as a module: ``python -m orchestration.cli``."""

from orchestration.cli.commands import main

main(prog_name="vitalhouse")
