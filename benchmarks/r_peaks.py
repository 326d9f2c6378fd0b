"""Score the R-peak detector on annotated WFDB records, such as the MIT-BIH Arrhythmia Database.

    python -m benchmarks.r_peaks --wfdb DIR [--window-ms 150] [--[no-]annotated-span] [--noise] [--peers] [--json]

Every record below DIR that has a ``.atr`` is scored: first channel, whole record, all beat codes of WFDB. Detections
and annotations are matched one to one within the window. Episodes of ventricular flutter, between ``[`` and ``]``, hold
no QRS complexes and are left out on both sides (ANSI/AAMI EC57:2012), as are annotations within a flat start;
``f1_flutter_counted`` counts the annotated flutter waves as beats instead. Where the annotations of most records stop
long before their signals do, as ECG-ID's after ten beats, records are scored between their first and last annotation
only; ``--annotated-span`` does so anywhere, ``--no-annotated-span`` nowhere. Speed is that of the same signals cut into
runs of 20 s, one batch a sampling rate, per second of processor time.

``--noise`` scores the records once more with noise added at 0 dB, that is as strong as the record (variance about its
mean): white; muscle, white noise within 20 to 150 Hz, where the surface electromyogram has most of its power; wander,
white noise below 0.5 Hz; mains, a sine of 50 Hz.

``--peers`` does the same with NeuroKit2's default, wfdb's XQRS, biosppy's Pan-Tompkins++ and sleepecg, each with its
own default parameters (extra ``bench``); one that is not installed is named and left out.

The last line is one JSON object; ``--json`` prints nothing else.
"""

import argparse
import json
import sys
import time
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.noise import NOISES, unit_noise
from python_transforms.ecg.beats import detect_r_peaks
from python_transforms.ecg.quality import inspect

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
# R peaks of each run of a batch.
Detector = Callable[[FloatArray, float], list[IntArray]]
SPEED_RUN_S = 20
# The peers take their time: so much of their work is timed.
PEER_SPEED_RUNS = 60
# Pan-Tompkins++ gives some beats two or three times, a few samples apart: one of them is counted.
SAME_BEAT_S = 0.1
# A record whose signal goes on for more of its usual intervals after the last annotation is annotated in part.
UNMARKED_INTERVALS = 3


@dataclass(frozen=True)
class Record:
    """Hold an annotated record: first channel in mV, beats and flutter waves as sample indices, episodes as pairs."""

    name: str
    ecg_mv: NDArray[np.float64]
    sampling_rate_hz: float
    beats: IntArray
    flutter_waves: IntArray
    flutter_episodes: list[tuple[int, int]]


@dataclass
class Score:
    """Count matched, annotated and detected beats."""

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
        """Return the share of the annotated beats that were detected, in percent."""
        return 100 * self.matched / max(1, self.annotated)

    @property
    def ppv(self) -> float:
        """Return the share of the detected beats that are annotated (positive predictive value), in percent."""
        return 100 * self.matched / max(1, self.detected)

    @property
    def f1(self) -> float:
        """Return the harmonic mean of sensitivity and positive predictive value, in percent."""
        return 200 * self.matched / max(1, self.annotated + self.detected)


def count_matches(annotated: IntArray, detected: IntArray, window: float) -> int:
    """Count the most pairs, one to one, that lie within ``window`` samples of each other; both inputs ascend."""
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
    """Read all annotated records below a folder; one that cannot be read is named and left out."""
    records = []
    for path in sorted(folder.rglob("*.atr")):
        name = path.relative_to(folder).with_suffix("").as_posix()
        try:
            records.append(_read_record(path.with_suffix(""), name))
        except (OSError, ValueError, IndexError, KeyError, TypeError) as error:
            print(f"{name}: left out, it cannot be read: {str(error).splitlines()[0]}", file=sys.stderr)
    return records


def _read_record(path: Path, name: str) -> Record:
    import wfdb
    from wfdb.io import annotation

    beat_codes = {label.symbol for label in annotation.ann_labels if annotation.is_qrs[label.label_store]}
    record, marks = wfdb.rdrecord(str(path), channels=[0]), wfdb.rdann(str(path), "atr")
    ecg_mv = record.p_signal[:, 0]
    missing = np.isnan(ecg_mv)
    if missing.all():
        raise ValueError("its first channel has no sample")
    if missing.any():
        ecg_mv[missing] = np.interp(np.flatnonzero(missing), np.flatnonzero(~missing), ecg_mv[~missing])
    flat_start = inspect(ecg_mv[None], float(record.fs)).flat_start_sample_count[0]
    symbols, samples = np.array(marks.symbol), np.asarray(marks.sample, np.int64)
    is_beat = np.isin(symbols, sorted(beat_codes - {"!"})) & (samples >= flat_start)
    begins, ends = samples[symbols == "["], samples[symbols == "]"]
    episodes = [(int(b), int(min([*ends[ends > b], len(ecg_mv)]))) for b in begins]
    return Record(name, ecg_mv, float(record.fs), samples[is_beat], samples[symbols == "!"], episodes)


def is_span_scored(option: bool | None, records: Sequence[Record]) -> bool:
    """Decide whether records are scored between their annotations: by the option, else if most stop early."""
    if option is not None:
        return option

    def stops_early(record: Record) -> bool:
        intervals = np.diff(record.beats)
        unmarked = len(record.ecg_mv) - record.beats[-1]
        return len(intervals) > 0 and bool(unmarked > UNMARKED_INTERVALS * np.median(intervals))

    return sum(map(stops_early, records)) > len(records) / 2


def outside(index: IntArray, episodes: list[tuple[int, int]]) -> IntArray:
    """Select the indices that lie in none of the episodes."""
    for begin, end in episodes:
        index = index[(index < begin) | (index > end)]
    return index


def with_noise(record: Record, kind: str) -> Record:
    """Add noise of the record's own power (variance about its mean), the same noise every time."""
    seed = zlib.crc32(record.name.encode())
    noise = unit_noise(kind, len(record.ecg_mv), record.sampling_rate_hz, seed)
    return replace(record, ecg_mv=record.ecg_mv + noise * record.ecg_mv.std())


def peers() -> tuple[dict[str, Detector], list[str]]:
    """Load other detectors, each with its default parameters; return also the names of those not installed."""
    detectors: dict[str, Detector] = {}
    missing = []
    for name, load in {"neurokit2": _neurokit2, "wfdb_xqrs": _xqrs, "biosppy": _biosppy, "sleepecg": _sleepecg}.items():
        try:
            detectors[name] = one_by_one(load())
        except ImportError:
            missing.append(name)
    return detectors, missing


def one_by_one(detect: Callable[[FloatArray, float], NDArray[np.integer]]) -> Detector:
    """Wrap a detector of single runs for batches.

    Where it gives up, as without beats or at some rates, it has found none.
    """

    def detect_all(ecg_mv: FloatArray, sampling_rate_hz: float) -> list[IntArray]:
        all_peaks = []
        for run in ecg_mv:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    peaks = np.unique(np.asarray(detect(run, sampling_rate_hz), np.int64))
                except (ValueError, IndexError, ZeroDivisionError, TypeError, AttributeError):
                    peaks = np.zeros(0, np.int64)
            all_peaks.append(peaks)
        return all_peaks

    return detect_all


def _neurokit2() -> Callable[[FloatArray, float], NDArray[np.integer]]:
    import neurokit2 as nk

    def detect(run: FloatArray, rate: float) -> NDArray[np.integer]:
        clean = nk.ecg_clean(run, sampling_rate=int(rate))
        return np.asarray(nk.ecg_peaks(clean, sampling_rate=int(rate))[1]["ECG_R_Peaks"])

    return detect


def _xqrs() -> Callable[[FloatArray, float], NDArray[np.integer]]:
    from wfdb import processing

    return lambda run, rate: np.asarray(processing.xqrs_detect(run, rate, verbose=False))


def _biosppy() -> Callable[[FloatArray, float], NDArray[np.integer]]:
    from biosppy.signals.ecg import Pan_Tompkins_Plus_Plus_segmenter

    def detect(run: FloatArray, rate: float) -> NDArray[np.integer]:
        peaks = np.unique(Pan_Tompkins_Plus_Plus_segmenter(run, rate)[0])
        return peaks[np.diff(peaks, prepend=-rate) > SAME_BEAT_S * rate]

    return detect


def _sleepecg() -> Callable[[FloatArray, float], NDArray[np.integer]]:
    import sleepecg

    return lambda run, rate: np.asarray(sleepecg.detect_heartbeats(run, rate))


def score_records(
    records: list[Record], detect: Detector, window_ms: float, annotated_span: bool = False
) -> tuple[dict[str, Score], Score]:
    """Score each record, and all together with flutter waves counted as beats."""
    scores, with_flutter = {}, Score()
    for record in records:
        window = window_ms / 1000 * record.sampling_rate_hz
        detected = detect(record.ecg_mv[None], record.sampling_rate_hz)[0]
        if annotated_span:
            span = record.beats[0] - window, record.beats[-1] + window
            detected = detected[(detected >= span[0]) & (detected <= span[1])]
        episodes = record.flutter_episodes
        scores[record.name] = Score().add(outside(record.beats, episodes), outside(detected, episodes), window)
        with_flutter.add(np.union1d(record.beats, record.flutter_waves), detected, window)
    return scores, with_flutter


def total(scores: dict[str, Score]) -> Score:
    """Sum up the scores of all records."""
    return Score(
        sum(score.matched for score in scores.values()),
        sum(score.annotated for score in scores.values()),
        sum(score.detected for score in scores.values()),
    )


def figures(score: Score) -> dict[str, float]:
    """Round the figures of a score for the JSON line."""
    return {
        "beats": score.annotated,
        "sensitivity": round(score.sensitivity, 3),
        "ppv": round(score.ppv, 3),
        "f1": round(score.f1, 3),
    }


def measure_speed(records: list[Record], detect: Detector = detect_r_peaks, n_runs: int | None = None) -> float:
    """Measure the samples per second of processor time over 20-s runs, in batches of one sampling rate.

    It is the best of three repeats, or one time where ``n_runs`` limits the runs of each rate.
    """
    batches: dict[float, list[FloatArray]] = {}
    for record in records:
        length = round(SPEED_RUN_S * record.sampling_rate_hz)
        count = len(record.ecg_mv) // length
        batches.setdefault(record.sampling_rate_hz, []).append(record.ecg_mv[: count * length].reshape(count, length))
    stacked = [(rate, np.concatenate(runs)[:n_runs]) for rate, runs in batches.items()]
    best = np.inf
    for _ in range(3 if n_runs is None else 1):
        begin = time.process_time()
        for rate, runs in stacked:
            detect(runs, rate)
        best = min(best, time.process_time() - begin)
    return sum(runs.size for _, runs in stacked) / max(best, 1e-9)


def add_annotated_span(parser: argparse.ArgumentParser) -> None:
    """Add the option for the part of a record that is scored; None leaves it to the records."""
    parser.add_argument(
        "--annotated-span",
        action=argparse.BooleanOptionalAction,
        help="score from the first to the last annotation only (default: where most annotations stop early)",
    )


# Score of each record of some, and of all with flutter waves counted as beats.
Scoring = Callable[[list[Record], Detector], tuple[dict[str, Score], Score]]


def compare(
    records: list[Record], score: Scoring, others: dict[str, Detector], ours: dict[str, Any], has_noise: bool
) -> dict[str, dict[str, Any]]:
    """Put the figures of other detectors beside ours; with noise, add everybody's F1 in each kind of noise."""
    compared = {"vitalhouse": ours}
    for name, detect in others.items():
        compared[name] = {
            "records": len(records),
            **figures(total(score(records, detect)[0])),
            "samples_per_s": round(measure_speed(records, detect, PEER_SPEED_RUNS)),
        }
    for kind in NOISES if has_noise else ():
        noisy = [with_noise(record, kind) for record in records]
        for name, detect in {"vitalhouse": detect_r_peaks, **others}.items():
            in_noise = compared[name].setdefault("f1_in_noise_0_db", {})
            in_noise[kind] = round(total(score(noisy, detect)[0]).f1, 3)
    return compared


def comparison_lines(compared: dict[str, dict[str, Any]], missing: Sequence[str]) -> Iterator[str]:
    """Yield the lines of a table of detectors."""
    yield f"{'':12} {'sensitivity':>12} {'ppv':>8} {'F1':>8} {'M samples/s':>12}  F1 in noise at 0 dB"
    for name, row in compared.items():
        noise = "  ".join(f"{kind} {f1:.2f}" for kind, f1 in row.get("f1_in_noise_0_db", {}).items())
        rates = f"{row['sensitivity']:12.2f} {row['ppv']:8.2f} {row['f1']:8.2f}"
        yield f"{name:12} {rates} {row['samples_per_s'] / 1e6:12.2f}  {noise}"
    for name in missing:
        yield f"{name:12} is not installed (extra bench): left out"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--wfdb", type=Path, required=True, metavar="DIR", help="folder with .hea, .dat and .atr files")
    parser.add_argument("--window-ms", type=float, default=150.0, help="how far apart a match may be (default 150)")
    add_annotated_span(parser)
    parser.add_argument("--noise", action="store_true", help="score with noise of the record's own power, too")
    parser.add_argument("--peers", action="store_true", help="score other detectors in the same run, too")
    parser.add_argument("--json", action="store_true", help="print the JSON line only")
    options = parser.parse_args(arguments)
    if not options.wfdb.is_dir():
        print(f"{options.wfdb} is not a folder", file=sys.stderr)
        return 2
    records = [record for record in read_records(options.wfdb) if len(record.beats)]
    if not records:
        print(f"no annotated record (.atr with its .hea and .dat) below {options.wfdb}", file=sys.stderr)
        return 2

    annotated_span = is_span_scored(options.annotated_span, records)
    score = partial(score_records, window_ms=options.window_ms, annotated_span=annotated_span)
    others, missing = peers() if options.peers else ({}, [])
    scores, with_flutter = score(records, detect_r_peaks)
    ours: dict[str, Any] = {
        "records": len(records),
        **figures(total(scores)),
        "f1_flutter_counted": round(with_flutter.f1, 3),
        "window_ms": options.window_ms,
        "annotated_span": annotated_span,
        "samples_per_s": round(measure_speed(records)),
    }
    compared = compare(records, score, others, ours, options.noise)
    if not options.json:
        print(f"{len(records)} records, {'between their annotations' if annotated_span else 'whole'}")
        for name, one in scores.items():
            missed, false = one.annotated - one.matched, one.detected - one.matched
            print(f"{name:20} {one.annotated:6} beats {missed:4} missed {false:4} false  F1 {one.f1:6.2f} %")
        print("\n".join(comparison_lines(compared, missing)))
    if options.peers:
        ours |= {"peers": {name: compared[name] for name in others}, "peers_not_installed": missing}
    print(json.dumps(ours))
    return 0


if __name__ == "__main__":
    sys.exit(main())
