"""What a delivery of 10 runs costs in a warehouse that holds 30,000 runs, beside the same in one that holds 300.

    python -m benchmarks.delivery_cost [--small 300] [--large 30000] [--rounds 7]

Goal: no more than 1.5 times. Measured: crawl, headers and transform of one new delivery of ten new runs of known
subjects, all deliveries being asked for. Runs are 4 s long, so that 30,000 of them are made in a minute or two.
"""

import argparse
from statistics import median

import numpy as np

from benchmarks.deliveries import write_delivery
from benchmarks.measure import load_ecg, print_machine, temporary_home
from synthetic.ecg import synthesize_runs

RATE_HZ, SAMPLES = 500, 2_000
RUNS_PER_DELIVERY = 300
NEW_RUNS = 10


def measure(run_count: int, rounds: int) -> float:
    """Median seconds of a new delivery in a warehouse with so many runs."""
    signals, _ = synthesize_runs(RUNS_PER_DELIVERY, SAMPLES, RATE_HZ, seed=2)
    noise = np.random.default_rng(3)
    with temporary_home() as home:
        incoming = home.lake_path / "incoming"
        for number in range(max(run_count // RUNS_PER_DELIVERY, 1)):
            noisy = signals + noise.normal(0, 0.01, signals.shape)
            first_subject = 1 + number * RUNS_PER_DELIVERY // 4
            write_delivery(incoming, "bench", f"2020-{number:05d}", noisy, RATE_HZ, first_subject=first_subject)
        load_ecg(home)
        load_ecg(home)  # a build that finds nothing new: directories are remembered now
        costs = []
        for number in range(rounds + 1):
            new = signals[:NEW_RUNS] + noise.normal(0, 0.01, (NEW_RUNS, SAMPLES))
            write_delivery(incoming, "bench", f"2021-{number:05d}", new, RATE_HZ, per_subject=1, first_run=100 + number)
            costs.append(sum(load_ecg(home)))
    return median(costs[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", type=int, default=300)
    parser.add_argument("--large", type=int, default=30_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    print_machine()
    small, large = (measure(count, options.rounds) for count in (options.small, options.large))
    print(f"{NEW_RUNS} new runs with {options.small:6,} runs there: {small * 1000:7.1f} ms")
    print(f"{NEW_RUNS} new runs with {options.large:6,} runs there: {large * 1000:7.1f} ms")
    print(f"ratio {large / small:.2f}")


if __name__ == "__main__":
    main()
