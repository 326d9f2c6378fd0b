"""Measure ECG signals from CSV files to filtered Parquet and features, beside NeuroKit2 over the same arrays.

    python -m benchmarks.ecg_pipeline [--runs 288] [--peer-runs 288] [--rounds 10]

Goal: at least 3 million samples a second on two cores, reading included, and at least 90 times NeuroKit2 0.3.0
(`ecg_process` and `hrv_time`), which does only a part of it and reads nothing. Needs the extra `dev`.
"""

import argparse
import warnings

import numpy as np

from benchmarks.deliveries import write_delivery
from benchmarks.measure import load_ecg, peak_memory_mb, print_machine, seconds, temporary_home
from python_transforms.ecg import transform_batch
from synthetic.ecg import synthesize_runs

SAMPLES, RATE_HZ = 10_000, 500.0


def measure_pipeline(ecg_mv: np.ndarray, rounds: int) -> float:
    """Time crawl, headers and transform over some rounds, each in a new warehouse; return the transform's best."""
    best = np.inf
    for _ in range(rounds):
        with temporary_home() as home:
            write_delivery(home.lake_path / "incoming", "bench", "2020-01-01", ecg_mv, RATE_HZ)
            headers, signals = load_ecg(home)
            rate = ecg_mv.size / signals / 1e6
            print(f"  crawl and headers {headers:6.3f} s   signals {signals:6.3f} s   {rate:5.2f} M/s")
            best = min(best, signals)
    return best


def measure_neurokit(ecg_mv: np.ndarray) -> float:
    """Time NeuroKit2's processing and time-domain HRV over the runs, in seconds."""
    import neurokit2 as nk

    def process() -> None:
        for run in ecg_mv:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                _, info = nk.ecg_process(run, sampling_rate=int(RATE_HZ))
                nk.hrv_time(info["ECG_R_Peaks"], sampling_rate=int(RATE_HZ))

    return seconds(process)[0]


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=288)
    parser.add_argument("--peer-runs", type=int, default=288, help="runs that NeuroKit2 gets (it takes 0.4 s a run)")
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    print_machine()
    ecg_mv, _ = synthesize_runs(options.runs, SAMPLES, RATE_HZ, seed=1)
    print(f"{options.runs} runs, {ecg_mv.size:,} samples, CSV to Parquet and features:")
    ours = ecg_mv.size / measure_pipeline(ecg_mv, options.rounds)
    memory = peak_memory_mb()
    transform = ecg_mv.size / min(seconds(lambda: transform_batch(ecg_mv, RATE_HZ))[0] for _ in range(options.rounds))
    peer_mv = ecg_mv[: options.peer_runs]
    peer = peer_mv.size / measure_neurokit(peer_mv)
    print(f"whole asset, CSV reading included   {ours / 1e6:8.3f} million samples/s, peak memory {memory:.0f} MB")
    print(f"transform of arrays alone, one core {transform / 1e6:8.3f} million samples/s")
    print(f"NeuroKit2 ecg_process + hrv_time    {peer / 1e6:8.3f} million samples/s ({options.peer_runs} runs)")
    print(f"ratio                               {ours / peer:8.1f}")


if __name__ == "__main__":
    main()
