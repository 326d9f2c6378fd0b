"""Compare the delineation of beats with ECG-ID's annotated T peaks, and with NeuroKit2's on the same beats.

    python -m benchmarks.ecg_delineation --wfdb DIR [--peers] [--json]

DIR holds ECG-ID as WFDB records (``Person_NN/rec_M``, raw channel first). Its annotations mark R and T peaks of ten
beats of each record. For each record the interval from R to T, on the averaged beat and as the median of single beats,
is compared with the median of the annotated ones; people are split into five folds to show how much the figures depend
on the people. With ``--peers``, NeuroKit2's ``ecg_delineate`` (``dwt``) gets the same filtered signals and the same R
peaks: its T peaks are scored alike, and its onsets, peaks and ends are compared with ours, beat for beat.

The last line is one JSON object; ``--json`` prints nothing else. Needs the extra `dev`.
"""

import argparse
import json
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from python_transforms.ecg import BEAT_FIGURES, EcgBatch, transform_batch

FloatArray = NDArray[np.float64]
RATE_HZ = 500.0
N_SAMPLES = 10_000
WITHIN_MS = 40.0
FOLDS = 5
# Our columns, and what NeuroKit2 calls the same.
PEER_NAMES = {
    "p_onset_ms": "ECG_P_Onsets",
    "p_peak_ms": "ECG_P_Peaks",
    "p_end_ms": "ECG_P_Offsets",
    "qrs_onset_ms": "ECG_R_Onsets",
    "qrs_end_ms": "ECG_R_Offsets",
    "t_onset_ms": "ECG_T_Onsets",
    "t_peak_ms": "ECG_T_Peaks",
    "t_end_ms": "ECG_T_Offsets",
}


@dataclass(frozen=True)
class Records:
    """Hold raw signals in mV, shape ``(n, n_samples)``, their persons, and the median annotated R-T interval."""

    names: list[str]
    person: NDArray[np.str_]
    raw_mv: FloatArray
    rt_ms: FloatArray


def read_ecgid(folder: Path) -> Records:
    """Read all records of 20 s below a folder that mark R and T peaks."""
    import wfdb

    names, raw, intervals = [], [], []
    for path in sorted(folder.rglob("rec_*.atr")):
        base = path.with_suffix("")
        signal, marks = wfdb.rdrecord(str(base), channels=[0]).p_signal[:, 0], wfdb.rdann(str(base), "atr")
        symbol, sample = np.array(marks.symbol), np.asarray(marks.sample)
        r, t = sample[symbol == "N"], sample[symbol == "t"]
        if len(signal) == N_SAMPLES and len(t) and len(r) == len(t):
            names.append(f"{base.parent.name}/{base.name}")
            raw.append(signal)
            intervals.append(np.median(t - r) * 1000 / RATE_HZ)
    person = np.array([name.split("/")[0] for name in names])
    return Records(names, person, np.array(raw), np.array(intervals))


def beats_by_run(batch: EcgBatch) -> list[dict[str, FloatArray]]:
    """Split the figures of beats by run."""
    ends = np.cumsum([len(index) for index in batch.r_peak_index])
    parts = np.split(batch.beats.astype(np.float64), ends[:-1], axis=1)
    return [dict(zip(BEAT_FIGURES, part, strict=True)) for part in parts]


def scored(found_ms: FloatArray, annotated_ms: FloatArray) -> dict[str, float]:
    """Compute mean absolute error in ms and share within 40 ms, in percent; an interval not found is not within."""
    error = np.abs(found_ms - annotated_ms)
    return {
        "mae_ms": round(float(np.nanmean(error)), 2),
        "bias_ms": round(float(np.nanmedian(found_ms - annotated_ms)), 2),
        "within_40_ms_pct": round(100 * float((error <= WITHIN_MS).mean()), 2),
        "records": len(error),
    }


def neurokit_beats(batch: EcgBatch) -> list[dict[str, FloatArray]]:
    """Delineate the same beats with NeuroKit2, in ms from the same R peaks."""
    import neurokit2 as nk

    beats = []
    for filtered, peaks in zip(batch.filtered_mv, batch.r_peak_index, strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _, waves = nk.ecg_delineate(filtered, peaks, sampling_rate=int(RATE_HZ), method="dwt")
        beats.append({name: _from_r(np.array(waves[peer], float), peaks, name) for name, peer in PEER_NAMES.items()})
    return beats


def _from_r(sample: FloatArray, peaks: NDArray[np.int64], name: str) -> FloatArray:
    """Convert to ms from each beat's R peak; NeuroKit2's lists leave out beats, so each sample's beat is searched."""
    times = np.full(len(peaks), np.nan)
    sample = sample[np.isfinite(sample)]
    is_before = name.startswith("p_") or name == "qrs_onset_ms"
    beat = np.searchsorted(peaks, sample, "left") if is_before else np.searchsorted(peaks, sample, "right") - 1
    inside = (beat >= 0) & (beat < len(peaks))
    beat = beat[inside]
    times[beat] = (sample[inside] - peaks[beat]) * (1000 / RATE_HZ)
    return times


def agreement(
    beats: list[dict[str, FloatArray]], peer_beats: list[dict[str, FloatArray]]
) -> dict[str, dict[str, float]]:
    """Compare each time on beats that both have: median difference, half of the middle 50 %, number of beats."""
    table = {}
    for name in PEER_NAMES:
        difference = np.concatenate([a[name] - b[name] for a, b in zip(beats, peer_beats, strict=True)])
        known = difference[np.isfinite(difference)]
        low, middle, high = np.percentile(known, [25, 50, 75])
        table[name] = {
            "median_ms": round(float(middle), 1),
            "half_iqr_ms": round(float(high - low) / 2, 1),
            "beats": len(known),
            "ours": int(sum(np.isfinite(a[name]).sum() for a in beats)),
            "theirs": int(sum(np.isfinite(b[name]).sum() for b in peer_beats)),
        }
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--wfdb", type=Path, required=True, metavar="DIR", help="a folder of ECG-ID records")
    parser.add_argument("--peers", action="store_true", help="also NeuroKit2 (it takes some 0.2 s a record)")
    parser.add_argument("--json", action="store_true", help="print the JSON line only")
    options = parser.parse_args(arguments)
    records = read_ecgid(options.wfdb) if options.wfdb.is_dir() else None
    if records is None or not records.names:
        print(f"no ECG-ID record (rec_*.atr with R and T peaks, 20 s) below {options.wfdb}", file=sys.stderr)
        return 2

    def say(text: str) -> None:
        if not options.json:
            print(text)

    batch = transform_batch(records.raw_mv, RATE_HZ)
    beats = beats_by_run(batch)
    r_wave_ms, averaged_ms = batch.features["r_wave_ms"], batch.features["rt_interval_ms"]
    single_ms = _median_interval(beats, r_wave_ms)
    result: dict[str, object] = {
        "averaged": scored(averaged_ms, records.rt_ms),
        "beats": scored(single_ms, records.rt_ms),
    }
    people = np.unique(records.person)
    fold = np.searchsorted(people, records.person) % FOLDS
    result["folds_mae_ms"] = [
        scored(averaged_ms[fold == k], records.rt_ms[fold == k])["mae_ms"] for k in range(FOLDS) if (fold == k).any()
    ]
    say(f"T peak against the annotated one, {len(records.names)} records of {len(people)} people:")
    say(f"  averaged beat     {result['averaged']}")
    say(f"  single beats      {result['beats']}")
    say(f"  folds of people   mean absolute errors {result['folds_mae_ms']} ms")
    for row in np.flatnonzero(~(np.abs(averaged_ms - records.rt_ms) <= WITHIN_MS)):
        say(f"  beyond 40 ms: {records.names[row]} found {averaged_ms[row]:.0f}, annotated {records.rt_ms[row]:.0f}")
    if options.peers:
        peer_beats = neurokit_beats(batch)
        result["neurokit"] = scored(_median_interval(peer_beats, r_wave_ms), records.rt_ms)
        result["agreement"] = table = agreement(beats, peer_beats)
        say(f"  NeuroKit2 dwt     {result['neurokit']}")
        say("ours minus NeuroKit2's, beat for beat:")
        say(f"  {'':14}{'median':>8} {'half IQR':>9} {'both':>6} {'ours':>6} {'theirs':>7}")
        for name, figures in table.items():
            say(
                f"  {name:14}{figures['median_ms']:8.1f} {figures['half_iqr_ms']:9.1f} {figures['beats']:6} "
                f"{figures['ours']:6} {figures['theirs']:7}"
            )
    print(json.dumps(result))
    return 0


def _median_interval(beats: list[dict[str, FloatArray]], r_wave_ms: FloatArray) -> FloatArray:
    """Compute each run's median interval from the R wave to the T peak; NaN where no beat has one."""
    medians = [np.median(known) if len(known := b["t_peak_ms"][np.isfinite(b["t_peak_ms"])]) else np.nan for b in beats]
    return np.array(medians) - r_wave_ms


if __name__ == "__main__":
    sys.exit(main())
