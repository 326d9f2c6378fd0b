"""Measure `vitalhouse --help` as a whole process, beside a Python that does nothing.

    python -m benchmarks.command_start [--rounds 11]

Goal: under 0.5 s. Dagster, dbt and DuckDB are imported only by the commands that need them.
"""

import argparse
import subprocess
import sys
from functools import partial

from benchmarks.measure import median_seconds, print_machine


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=11)
    options = parser.parse_args()
    print_machine()
    for name, arguments in (("vitalhouse --help", ["-m", "orchestration.cli", "--help"]), ("python", ["-c", ""])):
        command = [sys.executable, *arguments]
        took = median_seconds(partial(subprocess.run, command, check=True, capture_output=True), options.rounds)
        print(f"{name:20s} {took:6.3f} s (median of {options.rounds})")


if __name__ == "__main__":
    main()
