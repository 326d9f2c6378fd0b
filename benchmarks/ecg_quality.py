"""Validate the signal quality index and the marking of beats on annotated records, such as the MIT-BIH database.

    python -m benchmarks.ecg_quality --wfdb DIR [--every 4] [--json]

Runs of 20 s are cut from the records (each fourth one) and noise of known strength is added: white, of muscles (20 to
100 Hz), of electrodes that move (1 to 10 Hz), wander (0.05 to 0.5 Hz) and hum, from 24 to -12 dB of the variance of the
filtered signal. For each the median index of the windows of 10 s and the F1 of the R peaks (within 150 ms); for all
windows together the F1 at and above the limit of usable quality, just above it, and below. And of the runs as they are,
how many annotated beats of each kind are left out of the statistics of normal intervals.

The last line is one JSON object; ``--json`` prints nothing else. Needs the extra `dev`.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from benchmarks.r_peaks import count_matches
from python_transforms.ecg import BEAT_FIGURES, EcgBatch, transform_batch
from python_transforms.ecg.quality import USABLE_QUALITY, window_bounds

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
RUN_S = 20
WINDOW_S = 0.15
RATIOS_DB = (None, 24, 18, 12, 6, 0, -6, -12)
BANDS_HZ = {"white": None, "muscle": (20, 100), "motion": (1, 10), "wander": (0.05, 0.5), "mains": None}
# How far above the limit a window is close to it.
CLOSE = 0.05
KINDS = {"normal": "NLRB", "supraventricular": "AaJSejn", "ventricular": "VEr", "fusion": "Ff"}


@dataclass(frozen=True)
class Runs:
    """Hold runs of one rate: signals in mV, and sample index and symbol of each annotated beat."""

    rate_hz: float
    ecg_mv: FloatArray
    beats: list[IntArray]
    symbols: list[NDArray[np.str_]]


def read_runs(folder: Path, every: int) -> list[Runs]:
    """Read each ``every``-th run of 20 s of the records below a folder, by sampling rate; none with flutter in it."""
    import wfdb
    from wfdb.io import annotation

    codes = [label.symbol for label in annotation.ann_labels if annotation.is_qrs[label.label_store]]
    by_rate: dict[float, tuple[list[FloatArray], list[IntArray], list[NDArray[np.str_]]]] = {}
    for path in sorted(folder.rglob("*.atr")):
        base = str(path.with_suffix(""))
        record, marks = wfdb.rdrecord(base, channels=[0]), wfdb.rdann(base, "atr")
        ecg_mv, length = record.p_signal[:, 0], round(RUN_S * record.fs)
        symbols, samples = np.array(marks.symbol), np.asarray(marks.sample, np.int64)
        runs, beats, kinds = by_rate.setdefault(float(record.fs), ([], [], []))
        for start in range(0, len(ecg_mv) - length + 1, every * length):
            inside = (samples >= start) & (samples < start + length)
            is_beat = inside & np.isin(symbols, codes)
            if (
                np.isfinite(ecg_mv[start : start + length]).all()
                and not np.isin(symbols[inside], ["[", "!", "]"]).any()
            ):
                runs.append(ecg_mv[start : start + length])
                beats.append(samples[is_beat] - start)
                kinds.append(symbols[is_beat])
    return [Runs(rate, np.stack(runs), beats, kinds) for rate, (runs, beats, kinds) in by_rate.items() if runs]


def noise(kind: str, shape: tuple[int, int], rate_hz: float, rng: np.random.Generator) -> FloatArray:
    """Make noise of unit variance."""
    made = rng.standard_normal(shape)
    if kind == "mains":
        made = np.sqrt(2) * np.sin(2 * np.pi * (50 * np.arange(shape[1]) / rate_hz + rng.random((shape[0], 1))))
    band = BANDS_HZ[kind]
    if band is not None:
        edges = band[0], min(band[1], 0.45 * rate_hz)
        made = signal.sosfiltfilt(signal.butter(2, edges, "bandpass", fs=rate_hz, output="sos"), made)
    normalised: FloatArray = made / made.std(axis=1, keepdims=True)
    return normalised


def window_scores(runs: Runs, batch: EcgBatch) -> FloatArray:
    """Count matched, annotated and detected beats of each 10-s window, after its index: ``(n_runs * n_windows, 4)``."""
    bounds = window_bounds(runs.ecg_mv.shape[1], runs.rate_hz)
    reach = WINDOW_S * runs.rate_hz
    rows = []
    for row, (true, peaks) in enumerate(zip(runs.beats, batch.r_peak_index, strict=True)):
        for number, (start, stop) in enumerate(pairwise(bounds)):
            annotated = true[(true >= start) & (true < stop)]
            detected = peaks[(peaks >= start) & (peaks < stop)]
            near = peaks[(peaks >= start - reach) & (peaks < stop + reach)]
            matched = count_matches(annotated, near, reach)
            rows.append((batch.window_quality[row, number], matched, len(annotated), len(detected)))
    return np.array(rows)


def f1(scores: FloatArray) -> float:
    """Compute F1 of windows together, in percent."""
    matched, annotated, detected = scores[:, 1:].sum(axis=0)
    return round(float(200 * matched / max(1, annotated + detected)), 2)


def left_out(runs: list[Runs]) -> dict[str, float]:
    """Compute the share in percent of the annotated beats of each kind that were found and are not normal."""
    counts = {kind: np.zeros(2) for kind in KINDS}
    for part in runs:
        batch = transform_batch(part.ecg_mv, part.rate_hz)
        is_normal = batch.beats[BEAT_FIGURES.index("is_normal")] > 0
        ends = np.cumsum([len(index) for index in batch.r_peak_index])
        for row, peaks in enumerate(batch.r_peak_index):
            if not len(peaks) or not len(part.beats[row]):
                continue
            nearest = np.abs(peaks[:, None] - part.beats[row]).argmin(axis=0)
            is_found = np.abs(peaks[nearest] - part.beats[row]) <= WINDOW_S * part.rate_hz
            normal = is_normal[ends[row] - len(peaks) : ends[row]][nearest]
            for kind, symbols in KINDS.items():
                of_kind = is_found & np.isin(part.symbols[row], list(symbols))
                counts[kind] += np.array([(of_kind & ~normal).sum(), of_kind.sum()])
    return {kind: round(float(100 * out / total), 2) for kind, (out, total) in counts.items() if total}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--wfdb", type=Path, required=True, metavar="DIR", help="folder with .hea, .dat and .atr files")
    parser.add_argument("--every", type=int, default=4, help="take each so manieth run of 20 s (default 4)")
    parser.add_argument("--json", action="store_true", help="print the JSON line only")
    options = parser.parse_args(arguments)
    if options.every < 1:
        parser.error("--every is at least 1")
    runs = read_runs(options.wfdb, options.every) if options.wfdb.is_dir() else []
    if not runs:
        print(f"no annotated record (.atr with its .hea and .dat) below {options.wfdb}", file=sys.stderr)
        return 2

    def say(text: str) -> None:
        if not options.json:
            print(text)

    rng = np.random.default_rng(1)
    every_window: list[FloatArray] = []
    medians: dict[str, list[float]] = {}
    power = [transform_batch(part.ecg_mv, part.rate_hz).filtered_mv.var(axis=1, keepdims=True) for part in runs]
    say(f"{sum(len(part.ecg_mv) for part in runs)} runs of 20 s; median index (F1 of the R peaks in %) at each ratio:")
    say(f"{'':8}" + "".join(f"{'as it is' if ratio is None else f'{ratio} dB':>16}" for ratio in RATIOS_DB))
    for kind in BANDS_HZ:
        added = [noise(kind, part.ecg_mv.shape, part.rate_hz, rng) for part in runs]
        line = f"{kind:8}"
        medians[kind] = []
        for ratio_db in RATIOS_DB:
            factor = 0.0 if ratio_db is None else 10 ** (-ratio_db / 20)
            parts = [
                window_scores(part, transform_batch(part.ecg_mv + factor * np.sqrt(own) * made, part.rate_hz))
                for part, own, made in zip(runs, power, added, strict=True)
            ]
            scores = np.concatenate(parts)
            if ratio_db is not None or kind == "white":
                every_window.append(scores)
            medians[kind].append(round(float(np.nanmedian(scores[:, 0])), 4))
            line += f"{medians[kind][-1]:8.3f} ({f1(scores):5.2f})"
        say(line)
    windows = np.concatenate(every_window)
    index = windows[:, 0]
    result = {
        "windows": len(windows),
        "limit": USABLE_QUALITY,
        "usable_pct": round(100 * float((index >= USABLE_QUALITY).mean()), 1),
        "f1_usable": f1(windows[index >= USABLE_QUALITY]),
        "f1_just_above": f1(windows[(index >= USABLE_QUALITY) & (index < USABLE_QUALITY + CLOSE)]),
        "f1_unusable": f1(windows[~(index >= USABLE_QUALITY)]),
        "median_index": medians,
        "left_out_pct": left_out(runs),
    }
    say(
        f"F1 of windows of {USABLE_QUALITY:g} and more {result['f1_usable']} % ({result['usable_pct']} % of them), to "
        f"{USABLE_QUALITY + CLOSE:g} {result['f1_just_above']} %, below the limit {result['f1_unusable']} %"
    )
    say(f"beats left out of NN statistics, of those annotated and found, in %: {result['left_out_pct']}")
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
