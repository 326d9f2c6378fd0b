"""Score R peaks where they are hard to find: on annotated records changed in ways whose truth is known.

    python -m benchmarks.r_peak_stress --wfdb DIR [--peers] [--json]

Each case changes every record below DIR in one way and scores it as ``benchmarks.r_peaks`` does, within 150 ms:

- ``faded_30``, ``faded_20``: four beats in every sixty have 30 or 20 % of their height;
- ``blocked``: QRS complex and T wave of every tenth beat are taken out, P waves stay, as in a block of the second
  degree; ``blocked_2``, of two beats in every twenty;
- ``pauses``: P waves are taken out with them;
- ``100_hz`` … ``1000_hz``: resampled;
- ``cut_20`` … ``cut_3``: cut into runs of so many seconds; beats within 50 ms of a cut are left out.

``--peers`` does the same with the detectors of ``benchmarks.r_peaks``. The last line is one JSON object; ``--json``
prints nothing else.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from benchmarks.r_peaks import Detector, Record, Score, outside, peers, read_records, score_records, total
from python_transforms.ecg.beats import detect_r_peaks

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
WINDOW_MS = 150.0
FADE_EVERY, FADE_BEATS = 60, 4
# What is taken out of a beat, in seconds from R: without its P wave, and with it; up to so much before the next R.
QRS_BEGINS_S, P_BEGINS_S, T_ENDS_S, NEXT_P_S = -0.09, -0.25, 0.45, 0.25
# Noise of what is put in its place.
FILL_MV = 0.01
CUT_MARGIN_S = 0.05


def fade(record: Record, part: float) -> Record:
    """Reduce four beats in every sixty to a part of their height about the median, with soft edges of 0.1 s."""
    rate, beats = record.sampling_rate_hz, record.beats
    gain = np.ones(len(record.ecg_mv))
    for first in range(FADE_EVERY // 2, len(beats) - FADE_BEATS, FADE_EVERY):
        begin, end = beats[first] - 0.3 * rate, beats[first + FADE_BEATS - 1] + T_ENDS_S * rate
        gain[max(0, round(begin)) : round(end)] = part
    soft = round(0.1 * rate)
    gain = np.convolve(np.pad(gain, soft, mode="edge"), np.ones(soft) / soft, "same")[soft:-soft]
    level = np.median(record.ecg_mv)
    return replace(record, ecg_mv=level + (record.ecg_mv - level) * gain)


def block(record: Record, every: int, count: int, begins_s: float) -> Record:
    """Take out the complexes of ``count`` beats in ``every``; the record is flat with a little noise there."""
    rng, rate, beats = np.random.default_rng(0), record.sampling_rate_hz, record.beats
    ecg_mv, is_kept = record.ecg_mv.copy(), np.ones(len(beats), bool)
    for first in range(every // 2, len(beats) - count - 1, every):
        for beat in range(first, first + count):
            begin = round(beats[beat] + begins_s * rate)
            end = round(min(beats[beat] + T_ENDS_S * rate, beats[beat + 1] - NEXT_P_S * rate))
            if begin < 5 or end - begin < 0.1 * rate:  # no room for both: the beat stays
                continue
            levels = np.median(ecg_mv[begin - 5 : begin]), np.median(ecg_mv[end : end + 5])
            ecg_mv[begin:end] = np.linspace(*levels, end - begin) + rng.normal(0, FILL_MV, end - begin)
            is_kept[beat] = False
    return replace(record, ecg_mv=ecg_mv, beats=beats[is_kept])


def resample(record: Record, rate: int) -> Record:
    """Resample a record and its annotations to another rate."""
    factor = rate / record.sampling_rate_hz
    ecg_mv = signal.resample_poly(record.ecg_mv, rate, round(record.sampling_rate_hz))

    def moved(index: IntArray) -> IntArray:
        indices: IntArray = np.rint(index * factor).astype(np.int64)
        return indices

    episodes = [(round(begin * factor), round(end * factor)) for begin, end in record.flutter_episodes]
    return replace(
        record,
        ecg_mv=ecg_mv,
        sampling_rate_hz=float(rate),
        beats=moved(record.beats),
        flutter_waves=moved(record.flutter_waves),
        flutter_episodes=episodes,
    )


def score_cut(records: Sequence[Record], detect: Detector, seconds: float) -> Score:
    """Score all runs that the records are cut into."""
    score = Score()
    for record in records:
        rate = record.sampling_rate_hz
        size, margin = round(seconds * rate), CUT_MARGIN_S * rate
        n_runs = len(record.ecg_mv) // size
        runs = record.ecg_mv[: n_runs * size].reshape(n_runs, size)
        detected = np.concatenate([peaks + run * size for run, peaks in enumerate(detect(runs, rate))])
        beats = outside(record.beats[record.beats < n_runs * size], record.flutter_episodes)
        detected = outside(detected, record.flutter_episodes)
        beats, detected = (
            index[(index % size > margin) & (index % size < size - margin)] for index in (beats, detected)
        )
        score.add(beats, detected, WINDOW_MS / 1000 * rate)
    return score


CHANGES: dict[str, Callable[[Record], Record]] = {
    "faded_30": partial(fade, part=0.3),
    "faded_20": partial(fade, part=0.2),
    "blocked": partial(block, every=10, count=1, begins_s=QRS_BEGINS_S),
    "blocked_2": partial(block, every=20, count=2, begins_s=QRS_BEGINS_S),
    "pauses": partial(block, every=20, count=2, begins_s=P_BEGINS_S),
    **{f"{rate}_hz": partial(resample, rate=rate) for rate in (100, 128, 200, 250, 500, 1000)},
}
CUTS_S = (20, 10, 5, 3)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--wfdb", type=Path, required=True, metavar="DIR", help="folder with .hea, .dat and .atr files")
    parser.add_argument("--peers", action="store_true", help="score other detectors, too")
    parser.add_argument("--json", action="store_true", help="print the JSON line only")
    options = parser.parse_args(arguments)
    records = [record for record in read_records(options.wfdb) if len(record.beats)] if options.wfdb.is_dir() else []
    if not records:
        print(f"no annotated record (.atr with its .hea and .dat) below {options.wfdb}", file=sys.stderr)
        return 2
    detectors = {"vitalhouse": detect_r_peaks, **(peers()[0] if options.peers else {})}
    results: dict[str, dict[str, float]] = {}

    def report(case: str, scores: dict[str, Score]) -> None:
        results[case] = {name: round(score.f1, 2) for name, score in scores.items()}
        if not options.json:
            print(f"{case:10} {'  '.join(f'{name} {f1:6.2f}' for name, f1 in results[case].items())}", flush=True)

    for case, change in CHANGES.items():
        changed = [change(record) for record in records]
        report(case, {name: total(score_records(changed, detect, WINDOW_MS)[0]) for name, detect in detectors.items()})
    for seconds in CUTS_S:
        report(f"cut_{seconds}", {name: score_cut(records, detect, seconds) for name, detect in detectors.items()})
    print(json.dumps(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
