"""Scores the R-peak detector on annotated WFDB records, such as the MIT-BIH Arrhythmia Database.

    python -m benchmarks.r_peaks --wfdb DIR [--window-ms 150] [--json]

Every record below DIR that has a ``.atr`` is scored: first channel, whole record, all beat codes of WFDB. Detections
and annotations are matched one to one within the window. Episodes of ventricular flutter, between ``[`` and ``]``, hold
no QRS complexes and are left out on both sides (ANSI/AAMI EC57:2012), as are annotations within a flat start;
``f1_flutter_counted`` counts the annotated flutter waves as beats instead. ``--annotated-span`` scores between the
first and the last annotation only, for databases such as ECG-ID whose annotations stop early. Speed is that of the same
signals cut into runs of 20 s, one batch a sampling rate.

The last line is one JSON object; ``--json`` prints nothing else.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from python_transforms.ecg.beats import detect_r_peaks
from python_transforms.ecg.quality import inspect

IntArray = NDArray[np.int64]
SPEED_RUN_S = 20


@dataclass(frozen=True)
class Record:
    """An annotated record: first channel in mV, beats and flutter waves as sample indices, flutter episodes as
    pairs."""

    name: str
    ecg_mv: NDArray[np.float64]
    sampling_rate_hz: float
    beats: IntArray
    flutter_waves: IntArray
    flutter_episodes: list[tuple[int, int]]


@dataclass
class Score:
    """Counts of matched, annotated and detected beats."""

    matched: int = 0
    annotated: int = 0
    detected: int = 0

    def add(self, annotated: IntArray, detected: IntArray, window: float) -> "Score":
        """Match one record and add its counts; the counts of that record alone are returned."""
        matched = count_matches(annotated, detected, window)
        self.matched += matched
        self.annotated += len(annotated)
        self.detected += len(detected)
        return Score(matched, len(annotated), len(detected))

    @property
    def sensitivity(self) -> float:
        return 100 * self.matched / max(1, self.annotated)

    @property
    def ppv(self) -> float:
        return 100 * self.matched / max(1, self.detected)

    @property
    def f1(self) -> float:
        return 200 * self.matched / max(1, self.annotated + self.detected)


def count_matches(annotated: IntArray, detected: IntArray, window: float) -> int:
    """Largest number of pairs, one to one, that lie within ``window`` samples of each other; both inputs ascend."""
    matched = i = j = 0
    while i < len(annotated) and j < len(detected):
        if abs(int(annotated[i]) - int(detected[j])) <= window:
            matched, i, j = matched + 1, i + 1, j + 1
        elif detected[j] < annotated[i]:
            j += 1
        else:
            i += 1
    return matched


def read_records(folder: Path) -> list[Record]:
    """All annotated records below a folder."""
    import wfdb
    from wfdb.io import annotation

    beat_codes = {label.symbol for label in annotation.ann_labels if annotation.is_qrs[label.label_store]}
    records = []
    for path in sorted(folder.rglob("*.atr")):
        base = str(path.with_suffix(""))
        record, marks = wfdb.rdrecord(base, channels=[0]), wfdb.rdann(base, "atr")
        ecg_mv = record.p_signal[:, 0]
        missing = np.isnan(ecg_mv)
        if missing.any():
            ecg_mv[missing] = np.interp(np.flatnonzero(missing), np.flatnonzero(~missing), ecg_mv[~missing])
        flat_start = inspect(ecg_mv[None], float(record.fs)).flat_start_sample_count[0]
        symbols, samples = np.array(marks.symbol), np.asarray(marks.sample, np.int64)
        is_beat = np.isin(symbols, sorted(beat_codes - {"!"})) & (samples >= flat_start)
        begins, ends = samples[symbols == "["], samples[symbols == "]"]
        episodes = [(int(b), int(min([*ends[ends > b], len(ecg_mv)]))) for b in begins]
        name = path.relative_to(folder).with_suffix("").as_posix()
        records.append(Record(name, ecg_mv, float(record.fs), samples[is_beat], samples[symbols == "!"], episodes))
    return records


def outside(index: IntArray, episodes: list[tuple[int, int]]) -> IntArray:
    """The indices that lie in none of the episodes."""
    for begin, end in episodes:
        index = index[(index < begin) | (index > end)]
    return index


def measure_speed(records: list[Record], repeats: int = 3) -> float:
    """Samples a second over 20-s runs, in batches of one sampling rate; the best of some repeats."""
    batches: dict[float, list[NDArray[np.float64]]] = {}
    for record in records:
        length = round(SPEED_RUN_S * record.sampling_rate_hz)
        n_runs = len(record.ecg_mv) // length
        batches.setdefault(record.sampling_rate_hz, []).append(record.ecg_mv[: n_runs * length].reshape(n_runs, length))
    stacked = [(rate, np.concatenate(runs)) for rate, runs in batches.items()]
    best = np.inf
    for _ in range(repeats):
        begin = time.perf_counter()
        for rate, runs in stacked:
            detect_r_peaks(runs, rate)
        best = min(best, time.perf_counter() - begin)
    return sum(runs.size for _, runs in stacked) / best


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--wfdb", type=Path, required=True, metavar="DIR", help="folder with .hea, .dat and .atr files")
    parser.add_argument("--window-ms", type=float, default=150.0, help="how far apart a match may be (default 150)")
    parser.add_argument(
        "--annotated-span", action="store_true", help="score from the first to the last annotation only"
    )
    parser.add_argument("--json", action="store_true", help="print the JSON line only")
    options = parser.parse_args(arguments)
    if not options.wfdb.is_dir():
        print(f"{options.wfdb} is not a folder", file=sys.stderr)
        return 2
    records = [record for record in read_records(options.wfdb) if len(record.beats)]
    if not records:
        print(f"no annotated record (.atr with its .hea and .dat) below {options.wfdb}", file=sys.stderr)
        return 2
    total, with_flutter = Score(), Score()
    for record in records:
        window = options.window_ms / 1000 * record.sampling_rate_hz
        detected = detect_r_peaks(record.ecg_mv[None], record.sampling_rate_hz)[0]
        if options.annotated_span:
            span = record.beats[0] - window, record.beats[-1] + window
            detected = detected[(detected >= span[0]) & (detected <= span[1])]
        episodes = record.flutter_episodes
        score = total.add(outside(record.beats, episodes), outside(detected, episodes), window)
        with_flutter.add(np.union1d(record.beats, record.flutter_waves), detected, window)
        if not options.json:
            missed, false = score.annotated - score.matched, score.detected - score.matched
            print(f"{record.name:20} {score.annotated:6} beats {missed:4} missed {false:4} false  F1 {score.f1:6.2f} %")
    result = {
        "records": len(records),
        "beats": total.annotated,
        "sensitivity": round(total.sensitivity, 3),
        "ppv": round(total.ppv, 3),
        "f1": round(total.f1, 3),
        "f1_flutter_counted": round(with_flutter.f1, 3),
        "window_ms": options.window_ms,
        "samples_per_s": round(measure_speed(records)),
    }
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
