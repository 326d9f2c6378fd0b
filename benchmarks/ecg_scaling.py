"""Measure how the cost of the ECG asset grows: with the number of runs, and for a recording of a whole day.

    python -m benchmarks.ecg_scaling [--runs 30] [--times 1 10 100] [--hours 24]

Each case is crawled, loaded and transformed by a process of its own, so that its peak of memory is its own. Goals: time
in proportion to the samples, and a day at 250 Hz in under 20 s and 1 GB.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.deliveries import write_delivery
from benchmarks.measure import load_ecg, peak_memory_mb, print_machine, temporary_home
from orchestration.lib.core.home import Home
from synthetic.ecg import synthesize_runs

SAMPLES, RATE_HZ = 10_000, 500.0
DAY_RATE_HZ = 250.0
# Made of so many different runs, over and over: making signals takes longer than transforming them.
DIFFERENT_RUNS = 300


def load_apart(home: Home) -> dict[str, float]:
    """Load a home's deliveries in another process: seconds of the clock and of the processor, and peak of memory."""
    command = [sys.executable, "-m", "benchmarks.ecg_scaling", "--load", str(home.path)]
    ran = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    figures: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    return figures


def measured(name: str, ecg_mv: np.ndarray, rate_hz: float, copies: int = 1) -> None:
    """Write a delivery, load it, and print its cost."""
    with temporary_home() as home:
        for copy in range(copies):
            write_delivery(
                home.lake_path / "incoming",
                "bench",
                "2020-01-01",
                ecg_mv,
                rate_hz,
                first_subject=1 + copy * len(ecg_mv),
            )
        n_samples = ecg_mv.size * copies
        cost = load_apart(home)
    a_million = 1000 * cost["seconds"] / (n_samples / 1e6)
    print(
        f"{name:20} {n_samples / 1e6:8.2f} million samples {cost['seconds']:7.2f} s, processors {cost['cpu_s']:6.2f} s,"
    )
    print(f"{'':20} {a_million:8.0f} ms a million samples, peak of memory {cost['peak_mb']:.0f} MB")


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--times", type=int, nargs="*", default=[1, 10, 100])
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--load", type=Path, metavar="HOME", help="load the deliveries of this home, and say the cost")
    options = parser.parse_args()
    if options.load is not None:
        cpu = time.process_time()
        _, seconds = load_ecg(Home(options.load))
        print(json.dumps({"seconds": seconds, "cpu_s": time.process_time() - cpu, "peak_mb": peak_memory_mb()}))
        return
    print_machine()
    ecg_mv, _ = synthesize_runs(min(options.runs * max(options.times, default=1), DIFFERENT_RUNS), SAMPLES, RATE_HZ, 1)
    for times in options.times:
        n_runs = options.runs * times
        copies = max(1, n_runs // len(ecg_mv))
        measured(f"{n_runs} runs of 20 s", ecg_mv[: n_runs // copies], RATE_HZ, copies)
    if options.hours:
        hours, _ = synthesize_runs(options.hours, round(3600 * DAY_RATE_HZ), DAY_RATE_HZ, 1)
        measured(f"one run of {options.hours} h", hours.reshape(1, -1), DAY_RATE_HZ)


if __name__ == "__main__":
    main()
