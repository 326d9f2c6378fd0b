"""Measure a delivery of 10 runs in a warehouse with 30,000 runs, beside the same in one with 300.

    python -m benchmarks.delivery_cost [--small 300] [--large 30000] [--rounds 15]

Goal: no more than 1.5 times. Measured: crawl, headers and transform of one new delivery of ten new runs of known
subjects, with all deliveries selected. Runs are 4 s long, so that 30,000 of them are made in a minute or two.
"""

import argparse
from statistics import median

import numpy as np

from benchmarks.deliveries import write_delivery
from benchmarks.measure import load_ecg, print_machine, temporary_home
from orchestration.lib.core.home import Home
from synthetic.ecg import synthesize_runs

RATE_HZ, SAMPLES = 500, 2_000
RUNS_PER_DELIVERY = 300
NEW_RUNS = 10


class FilledHome:
    """A warehouse with many runs, to which deliveries of a few are added."""

    def __init__(self, home: Home, run_count: int) -> None:
        self.home, self.noise = home, np.random.default_rng(3)
        self.signals, _ = synthesize_runs(RUNS_PER_DELIVERY, SAMPLES, RATE_HZ, seed=2)
        for number in range(max(run_count // RUNS_PER_DELIVERY, 1)):
            self._write(f"2020-{number:05d}", self.signals, first_subject=1 + number * RUNS_PER_DELIVERY // 4)
        load_ecg(home)
        load_ecg(home)  # a build with nothing new: the directories are known from now on

    def _write(self, delivery: str, signals: np.ndarray, **numbers: int) -> None:
        noisy = signals + self.noise.normal(0, 0.01, signals.shape)
        write_delivery(self.home.lake_path / "incoming", "bench", delivery, noisy, RATE_HZ, **numbers)

    def add(self, number: int) -> float:
        """Load the next delivery of ten new runs; return the seconds."""
        self._write(f"2021-{number:05d}", self.signals[:NEW_RUNS], per_subject=1, first_run=100 + number)
        return sum(load_ecg(self.home))


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", type=int, default=300)
    parser.add_argument("--large", type=int, default=30_000)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    print_machine()
    with temporary_home() as small_home, temporary_home() as large_home:
        small, large = FilledHome(small_home, options.small), FilledHome(large_home, options.large)
        # In turn, so that both see the same machine; the first pair does not count.
        pairs = [(small.add(number), large.add(number)) for number in range(options.rounds + 1)][1:]
    for count, seconds in zip((options.small, options.large), zip(*pairs, strict=True), strict=True):
        print(f"{NEW_RUNS} new runs with {count:6,} runs there: {median(seconds) * 1000:7.1f} ms")
    print(f"ratio {median(large / small for small, large in pairs):.2f} (median over {options.rounds} pairs)")


if __name__ == "__main__":
    main()
