"""Measure what a loose plug costs: each record of a folder of ECG-ID gets one artefact.

    python -m benchmarks.ecg_artefacts --wfdb DIR [--peers] [--json]

Artefacts: ``spike``, 10 ms at -154 mV, as in the real records; ``plug``, half a second of it; ``jump``, everything
after some moment 154 mV lower; ``saturated``, a second at +10 mV. Where it comes is drawn, the same for all that is
compared.

Beats: those that are found in the record as it is and lie more than a second from the artefact, and how many of them
are not found beside it within 50 ms, and how many are found that were not there. ``vitalhouse`` is the whole transform
(artefacts limited, filtered, searched), ``unlimited`` the same without the limit of steps, ``--peers`` those of
``benchmarks.r_peaks`` on the raw signal, with their defaults. People: rank 1 by the protocols of
``benchmarks.identification`` with an artefact in every record, enrolled ones and probes.

The last line is one JSON object; ``--json`` prints nothing else.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from benchmarks.identification import Record, make_templates, read_records, score
from benchmarks.r_peaks import Detector, count_matches, peers
from python_transforms.ecg import artefacts, transform_batch

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
LOWEST_MV, HIGHEST_MV = -154.0, 10.0
# Seconds and what becomes of the signal there.
ARTEFACTS: dict[str, tuple[float, Callable[[FloatArray], FloatArray]]] = {
    "spike": (0.01, lambda part: np.full_like(part, LOWEST_MV)),
    "plug": (0.5, lambda part: np.full_like(part, LOWEST_MV)),
    "jump": (np.inf, lambda part: part + LOWEST_MV),
    "saturated": (1.0, lambda part: np.full_like(part, HIGHEST_MV)),
}
# Nearer than this to an artefact a beat may be hidden by it.
APART_S = 1.0
MATCH_S = 0.05


def spoil(record: Record, kind: str, seed: int) -> tuple[Record, tuple[float, float]]:
    """Put one artefact into a record; return also where it begins and ends, in samples. A jump is over at once."""
    seconds, change = ARTEFACTS[kind]
    rate, n_samples = record.sampling_rate_hz, len(record.ecg_mv)
    begin = int(np.random.default_rng(seed).uniform(0.1, 0.8) * n_samples)
    end = n_samples if np.isinf(seconds) else begin + round(seconds * rate)
    ecg_mv = record.ecg_mv.copy()
    ecg_mv[begin:end] = change(ecg_mv[begin:end])
    return replace(record, ecg_mv=ecg_mv), (begin, begin if np.isinf(seconds) else end)


def count_errors(
    records: Sequence[Record], spoilt: Sequence[tuple[Record, tuple[float, float]]], detect: Detector
) -> dict[str, int]:
    """Count the beats away from the artefacts: all, those that are lost, and those that are new."""
    total = lost = new = 0
    for record, (broken, (begin, end)) in zip(records, spoilt, strict=True):
        rate = record.sampling_rate_hz
        before, after = (
            _apart(detect(one.ecg_mv[None], rate)[0], begin - APART_S * rate, end + APART_S * rate)
            for one in (record, broken)
        )
        matched = count_matches(before, after, MATCH_S * rate)
        total, lost, new = total + len(before), lost + len(before) - matched, new + len(after) - matched
    return {"beats": total, "lost": lost, "new": new}


def _apart(index: IntArray, begin: float, end: float) -> IntArray:
    return index[(index < begin) | (index > end)]


def _transformed(ecg_mv: FloatArray, sampling_rate_hz: float) -> list[IntArray]:
    return transform_batch(ecg_mv, sampling_rate_hz).r_peak_index


def _without_limit() -> AbstractContextManager[object]:
    return patch.object(artefacts, "STEEP_FACTOR", np.inf)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--wfdb", type=Path, required=True, metavar="DIR", help="folder with Person_NN/rec_M records")
    parser.add_argument("--peers", action="store_true", help="ask other detectors, too")
    parser.add_argument("--json", action="store_true", help="print the JSON line only")
    options = parser.parse_args(arguments)
    records = read_records(options.wfdb) if options.wfdb.is_dir() else []
    if len({record.person for record in records}) < 2:
        print(f"no two people with records (Person_NN/rec_M.hea) below {options.wfdb}", file=sys.stderr)
        return 2
    others, _ = peers() if options.peers else ({}, [])
    results: dict[str, dict[str, dict[str, Any]]] = {}
    for kind in ARTEFACTS:
        spoilt = [spoil(record, kind, seed) for seed, record in enumerate(records)]
        compared: dict[str, dict[str, Any]] = {}
        results[kind] = compared
        limits: dict[str, AbstractContextManager[object]] = {"vitalhouse": nullcontext(), "unlimited": _without_limit()}
        for name, limit in limits.items():
            with limit:
                people = _rank1([record for record, _ in spoilt])
                compared[name] = count_errors(records, spoilt, _transformed) | {"rank1": people}
        for name, detect in others.items():
            compared[name] = count_errors(records, spoilt, detect)
        if not options.json:
            print(f"{kind}:")
            for name, figures in compared.items():
                print(f"  {name:12} {figures}", flush=True)
    print(json.dumps(results))
    return 0


def _rank1(records: Sequence[Record]) -> dict[str, float]:
    templates = make_templates(records)
    is_known = np.asarray(np.isfinite(templates).all(axis=1))
    kept = [record for record, known in zip(records, is_known, strict=True) if known]
    rates = {name: round(summary.rank1, 1) for name, (_, summary) in score(kept, templates[is_known]).items()}
    return rates | {"records_without_template": len(records) - len(kept)}


if __name__ == "__main__":
    sys.exit(main())
