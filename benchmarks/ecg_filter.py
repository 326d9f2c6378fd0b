"""Measure the ECG filter: its speed beside a bare ``scipy.signal.sosfiltfilt``, and what it does to real signals.

    python -m benchmarks.ecg_filter [--wfdb DIR] [--peers] [--runs 288] [--json]

Speed: band-pass and notch of the same order over the same batch of 20-s runs at 500 Hz, one thread each, in turns, the
best of some. With ``--wfdb``, a folder of ECG-ID (two channels: raw, and filtered by the database's authors): for each
order the median correlation with their channel, and the median signal-to-noise ratio that takes their channel for the
signal, 1 s left out at each end; the same after noise of the signal's own power (0 dB, see ``benchmarks/noise.py``) is
added to their channel: the gain in signal-to-noise ratio; and the error that the filter and ``sosfiltfilt`` make near
the ends of 10-s cuts of the records, whose true continuation is known.

``--peers`` (with ``--wfdb``) holds NeuroKit2's and biosppy's default filters and ``sosfiltfilt`` against the same
channel in the same run (extra ``bench``); one that is not installed is named and left out.

The last line is one JSON object; ``--json`` prints nothing else.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from benchmarks.noise import NOISES, unit_noise
from python_transforms.ecg.filtering import ORDER, bandpass, bandpass_sections, filter_runs, notch_sections

FloatArray = NDArray[np.float64]
# Filtered runs of a batch, shape kept.
Filter = Callable[[FloatArray], FloatArray]
RATE_HZ = 500.0
N_SAMPLES = 10_000
ORDERS = (1, 2, 3, 4, 5)


def synthetic_runs(n_runs: int, seed: int = 1) -> FloatArray:
    """Make noise of about an ECG's power spectrum (falling with frequency) plus hum; speed depends on no more."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((n_runs, N_SAMPLES))
    wander = np.cumsum(noise, axis=1) * 0.01
    runs: FloatArray = wander + 0.05 * np.sin(2 * np.pi * 50 * np.arange(N_SAMPLES) / RATE_HZ)
    return runs


def best_seconds(functions: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Time each function, the shortest of some; they alternate, so that a busy moment of the machine hits all alike."""
    best = dict.fromkeys(functions, np.inf)
    for _ in range(repeats):
        for name, function in functions.items():
            begin = time.perf_counter()
            function()
            best[name] = min(best[name], time.perf_counter() - begin)
    return best


def measure_speed(runs: FloatArray, repeats: int) -> dict[str, float]:
    """Measure samples a second of the filter with its notch, of the pipeline's (looks for hum), and of sosfiltfilt."""
    sections = np.vstack([bandpass_sections(RATE_HZ), notch_sections(RATE_HZ, 50)])
    seconds = best_seconds(
        {
            "bandpass": lambda: bandpass(runs, RATE_HZ, notch_hz=50),
            "filter_runs": lambda: filter_runs(runs, RATE_HZ),
            "sosfiltfilt": lambda: signal.sosfiltfilt(sections, runs, axis=1),
        },
        repeats,
    )
    return {name: runs.size / value for name, value in seconds.items()}


def read_ecgid(folder: Path) -> tuple[FloatArray, FloatArray]:
    """Read the raw and the authors' filtered channel of all records of 20 s that do not begin flat, a row each."""
    import wfdb

    records = [wfdb.rdrecord(str(path.with_suffix(""))).p_signal for path in sorted(folder.rglob("*.hea"))]
    kept = [r for r in records if r.shape == (N_SAMPLES, 2) and np.isfinite(r).all() and np.ptp(r[:500, 0]) > 0]
    stacked = np.stack(kept)
    return stacked[:, :, 0].copy(), stacked[:, :, 1].copy()


def compare_with_authors(raw: FloatArray, reference: FloatArray, order: int) -> tuple[float, float]:
    """Compute median correlation and median signal-to-noise ratio in dB of our filter of that order."""
    return agreement(bandpass(raw, RATE_HZ, order=order, notch_hz=50), reference)


def agreement(filtered: FloatArray, reference: FloatArray) -> tuple[float, float]:
    """Compute median correlation and median signal-to-noise ratio in dB, the reference being the signal."""
    inner = slice(round(RATE_HZ), -round(RATE_HZ))
    output, truth = filtered[:, inner], reference[:, inner]
    output, truth = (x - x.mean(axis=1, keepdims=True) for x in (output, truth))
    power, noise = np.square(truth).sum(axis=1), np.square(output - truth).sum(axis=1)
    correlation = (output * truth).sum(axis=1) / np.sqrt(np.square(output).sum(axis=1) * power)
    return float(np.median(correlation)), float(np.median(10 * np.log10(power / noise)))


def peers() -> tuple[dict[str, Filter], list[str]]:
    """Load other filters of raw runs, each with its own defaults; return also the names of those not installed."""
    sections = np.vstack([bandpass_sections(RATE_HZ), notch_sections(RATE_HZ, 50)])
    filters: dict[str, Filter] = {"sosfiltfilt": lambda runs: signal.sosfiltfilt(sections, runs, axis=1)}
    missing = []
    try:
        import neurokit2 as nk

        filters["neurokit2"] = lambda runs: np.stack([nk.ecg_clean(run, sampling_rate=int(RATE_HZ)) for run in runs])
    except ImportError:
        missing.append("neurokit2")
    try:
        from biosppy.signals.tools import filter_signal

        # what biosppy.signals.ecg.ecg() does before it looks for beats
        band = {"ftype": "FIR", "band": "bandpass", "order": int(1.5 * RATE_HZ), "frequency": [0.67, 45]}
        filters["biosppy"] = lambda runs: np.stack(
            [filter_signal(signal=run, sampling_rate=RATE_HZ, **band)[0] for run in runs]
        )
    except ImportError:
        missing.append("biosppy")
    return filters, missing


def quality(apply: Filter, raw: FloatArray, reference: FloatArray) -> dict[str, Any]:
    """Measure how near a filter comes to the authors', its gain when noise is added to their channel, and its speed."""
    begin = time.process_time()
    filtered = apply(raw)
    seconds = time.process_time() - begin
    correlation, ratio_db = agreement(filtered, reference)
    clean = reference - reference.mean(axis=1, keepdims=True)
    gain_db = {}
    for kind in NOISES:
        noise = np.stack([unit_noise(kind, N_SAMPLES, RATE_HZ, seed) for seed in range(len(clean))])
        noisy = clean + noise * clean.std(axis=1, keepdims=True)
        gain_db[kind] = round(agreement(apply(noisy), clean)[1] - agreement(noisy, clean)[1], 1)
    return {
        "correlation": round(correlation, 4),
        "snr_db": round(ratio_db, 1),
        "gain_db": gain_db,
        "samples_per_s": round(raw.size / max(seconds, 1e-9)),
    }


def edge_error(raw: FloatArray) -> dict[str, float]:
    """Compute the median error (root mean square, µV) within 0.5 s of the ends of 10-s cuts of the records."""
    sections = np.vstack([bandpass_sections(RATE_HZ), notch_sections(RATE_HZ, 50)])
    start, stop, near = 2500, 7500, round(RATE_HZ / 2)
    truth = signal.sosfiltfilt(sections, raw, axis=1)[:, start:stop]
    cut = raw[:, start:stop]
    outputs = {
        "bandpass": bandpass(cut, RATE_HZ, notch_hz=50),
        "sosfiltfilt": signal.sosfiltfilt(sections, cut, axis=1),
    }
    errors = {name: np.hstack([(y - truth)[:, :near], (y - truth)[:, -near:]]) for name, y in outputs.items()}
    return {name: float(1000 * np.median(np.sqrt(np.square(e).mean(axis=1)))) for name, e in errors.items()}


def compare_on_records(folder: Path, has_peers: bool, say: Callable[[str], None]) -> dict[str, object]:
    """Hold our filter, and other filters if requested, against the authors' channel; print lines and return figures."""
    result: dict[str, object] = {}
    raw, reference = read_ecgid(folder)
    for order in ORDERS:
        correlation, ratio_db = compare_with_authors(raw, reference, order)
        say(f"order {order}      correlation {correlation:.4f}  SNR {ratio_db:5.1f} dB  ({len(raw)} records)")
        if order == ORDER:
            result |= {"records": len(raw), "correlation": round(correlation, 4), "snr_db": round(ratio_db, 1)}
    others, missing = peers() if has_peers else ({}, [])
    filters: dict[str, Filter] = {"vitalhouse": lambda runs: filter_runs(runs, RATE_HZ)[0], **others}
    figures = {name: quality(apply, raw, reference) for name, apply in filters.items()}
    for name, row in figures.items():
        gains = "  ".join(f"{kind} {gain:+.1f}" for kind, gain in row["gain_db"].items())
        say(
            f"{name:12} correlation {row['correlation']:.4f}  SNR {row['snr_db']:5.1f} dB  "
            f"{row['samples_per_s'] / 1e6:6.1f} million samples/s  gain in dB at 0 dB: {gains}"
        )
    for name in missing:
        say(f"{name:12} is not installed (extra bench): left out")
    result["gain_db"] = figures["vitalhouse"]["gain_db"]
    if has_peers:
        result |= {"peers": {name: figures[name] for name in others}, "peers_not_installed": missing}
    errors = edge_error(raw)
    say(f"error near the ends: {errors['bandpass']:.0f} µV, sosfiltfilt {errors['sosfiltfilt']:.0f} µV")
    return result | {"edge_error_uv": {name: round(value, 1) for name, value in errors.items()}}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--wfdb", type=Path, metavar="DIR", help="a folder of ECG-ID records")
    parser.add_argument("--peers", action="store_true", help="hold other filters against the same channel, too")
    parser.add_argument("--runs", type=int, default=288, help="runs of 10,000 samples in the batch (default 288)")
    parser.add_argument("--repeats", type=int, default=5, help="timings of each filter (default 5)")
    parser.add_argument("--json", action="store_true", help="print the JSON line only")
    options = parser.parse_args(arguments)
    if options.runs < 1 or options.repeats < 1:
        parser.error("--runs and --repeats are at least 1")
    if options.peers and options.wfdb is None:
        parser.error("--peers needs --wfdb")
    if options.wfdb is not None and not any(options.wfdb.rglob("*.hea")):
        print(f"no WFDB record (.hea) below {options.wfdb}", file=sys.stderr)
        return 2

    def say(text: str) -> None:
        if not options.json:
            print(text)

    speed = measure_speed(synthetic_runs(options.runs), options.repeats)
    for name, value in speed.items():
        say(f"{name:12} {value / 1e6:7.1f} million samples/s  {value / speed['sosfiltfilt']:5.2f} times sosfiltfilt")
    result: dict[str, object] = {
        "runs": options.runs,
        "samples_per_s": {name: round(value) for name, value in speed.items()},
        "times_sosfiltfilt": round(speed["bandpass"] / speed["sosfiltfilt"], 2),
    }
    if options.wfdb is not None:
        result |= compare_on_records(options.wfdb, options.peers, say)
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
