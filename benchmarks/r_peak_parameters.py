"""Measure how much the R-peak detector owes to its parameters: their sensitivity, and cross-validation by record.

    python -m benchmarks.r_peak_parameters --wfdb DIR [--[no-]annotated-span] [--json]

Sensitivity: the score of all records, clean and in white and muscle noise of their own power, with one parameter of
``python_transforms/ecg/beats.py`` changed at a time. Cross-validation: the weights of the third pass are chosen from a
grid for each record in turn, by the mean score of all *other* records, clean and in noise, and the record is scored
with what was chosen without it. What all records together lose by that, against the parameters as they stand, is what
tuning on them can have brought.

The last line is one JSON object; ``--json`` prints nothing else.
"""

import argparse
import itertools
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.r_peaks import (
    Record,
    Score,
    add_annotated_span,
    is_span_scored,
    read_records,
    score_records,
    total,
    with_noise,
)
from python_transforms.ecg import beats

WINDOW_MS = 150.0
NARROW_MS = 75.0
NOISES = ("white", "muscle")
# A third to a half down and up, and what the sources have.
CHANGES: dict[str, tuple[Any, ...]] = {
    "ANALYSIS_HZ": (90.0, 180.0),
    "BAND_HZ": ((6.0, 20.0), (5.0, 15.0), (10.0, 20.0), (8.0, 16.0), (8.0, 25.0)),
    "BAND_ORDER": (2,),
    "ENERGY_S": (0.10, 0.16),
    "MAXIMUM_S": (0.16, 0.24),
    "LEVEL_QUANTILE": (0.3, 0.5),
    "FIRST_THRESHOLD": (0.25, 0.45),
    "REFRACTORY_S": (0.25, 0.35),
    "T_WAVES": ((), ((0.33, 0.7),)),
    "NEIGHBOURS": (9, 19),
    "SECOND_THRESHOLD": (0.35, 0.45),
    "REJECTED_FACTOR": (0.0, 1.8, 2.6),
    "REJECTED_LIMIT": (0.6, 1.0),
    "SIMILARITY_WEIGHT": (0.0, 2.0, 3.4),
    "SIMILAR_BEATS": (2, 4, 5),
    "ENOUGH_BEATS": (6, 10),
    "UNKNOWN_SIMILARITY": (0.4, 0.6),
    "PIECE_S": (15.0, 30.0),
    "SHAPE_S": (0.15, 0.25),
    "SHAPE_STEP": (1, 3),
    "SHAPE_SHIFTS": (0, 2),
    "GAP_WEIGHT": (0.0, 1.2, 1.8),
    "GAP_LIMITS": ((0.8, 1.8), (0.8, 2.2), (0.6, 2.0), (1.0, 2.0)),
    "NEARER_WEIGHT": (0.0, 0.8, 1.6),
    "EVIDENCE_LIMIT": (4.1, 4.7),
    "T_WAVE_PENALTY": (0.0, 0.5, 1.5),
    "LEAST_HEIGHT": (0.1, 0.2),
    "P_HEIGHT": (0.0, 0.6),
    "P_PHASE": ((0.5, 0.95),),
    "P_DUE": (0.1, 0.2),
    "ROUNDS": (1, 3),
    "CUT_S": (0.0, 0.01),
    "OWN_POLARITY": (0.3, 0.8),
}
GRID: dict[str, tuple[float, ...]] = {
    "SIMILARITY_WEIGHT": (2.0, 2.7, 3.4),
    "GAP_WEIGHT": (1.2, 1.5, 1.8),
    "NEARER_WEIGHT": (0.8, 1.2, 1.6),
    "EVIDENCE_LIMIT": (4.0, 4.4, 4.8),
}


@contextmanager
def changed(**parameters: Any) -> Iterator[None]:
    """Give the detector other parameters for as long as the context lasts."""
    before = {name: getattr(beats, name) for name in parameters}
    try:
        for name, value in parameters.items():
            setattr(beats, name, value)
        beats._band_sections.cache_clear()
        yield
    finally:
        for name, value in before.items():
            setattr(beats, name, value)
        beats._band_sections.cache_clear()


class Cases:
    """Hold the records, clean and in noise, and score the detector on them."""

    def __init__(self, records: list[Record], annotated_span: bool) -> None:
        self.annotated_span = annotated_span
        self.records = {"clean": records} | {kind: [with_noise(record, kind) for record in records] for kind in NOISES}

    def scores(self, case: str, window_ms: float = WINDOW_MS) -> dict[str, Score]:
        """Score the records of one case, one by one."""
        return score_records(self.records[case], beats.detect_r_peaks, window_ms, self.annotated_span)[0]

    def figures(self) -> dict[str, float]:
        """Compute F1 of all records: clean in both windows, and in each noise."""
        narrow = {"clean_75_ms": total(self.scores("clean", NARROW_MS)).f1}
        return {"clean": total(self.scores("clean")).f1} | narrow | {k: total(self.scores(k)).f1 for k in NOISES}


def cross_validate(cases: Cases) -> dict[str, dict[str, float]]:
    """Compute F1 of each case: with the parameters as they stand, the grid's best, and chosen without the record."""
    points = [dict(zip(GRID, values, strict=True)) for values in itertools.product(*GRID.values())]
    counts = []
    for point in points:
        with changed(**point):
            counts.append([list(cases.scores(case).values()) for case in cases.records])
    # (points, cases, records, matched and all)
    table = np.array([[[(s.matched, s.annotated + s.detected) for s in row] for row in rows] for rows in counts])
    stands = points.index({name: getattr(beats, name) for name in GRID})

    def f1(chosen: np.ndarray) -> np.ndarray:
        """Compute F1 of each case over all records: (..., cases, records, 2) to (..., cases)."""
        summed = chosen.sum(axis=-2)
        return np.asarray(200 * summed[..., 0] / np.maximum(summed[..., 1], 1))

    best = f1(table).mean(axis=1).argmax()
    held_out = np.empty_like(table[0])
    for record in range(table.shape[2]):
        others = np.delete(table, record, axis=2)
        held_out[:, record] = table[f1(others).mean(axis=1).argmax()][:, record]
    scores = {"as_they_stand": f1(table[stands]), "best_of_grid": f1(table[best]), "cross_validated": f1(held_out)}
    return {name: dict(zip(cases.records, values.round(3).tolist(), strict=True)) for name, values in scores.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--wfdb", type=Path, required=True, metavar="DIR", help="folder with .hea, .dat and .atr files")
    add_annotated_span(parser)
    parser.add_argument("--json", action="store_true", help="print the JSON line only")
    options = parser.parse_args(arguments)
    records = [record for record in read_records(options.wfdb) if len(record.beats)] if options.wfdb.is_dir() else []
    if len(records) < 2:
        print(f"fewer than two annotated records (.atr with its .hea and .dat) below {options.wfdb}", file=sys.stderr)
        return 2

    def say(text: str) -> None:
        if not options.json:
            print(text, flush=True)

    cases = Cases(records, is_span_scored(options.annotated_span, records))
    stands = cases.figures()
    say(f"{'parameter':20} {'from':>14} {'to':>14} " + "".join(f"{name:>12}" for name in stands))
    say(f"{'as they stand':50} " + "".join(f"{value:12.2f}" for value in stands.values()))
    sensitivity = []
    for name, values in CHANGES.items():
        for value in values:
            with changed(**{name: value}):
                moved = {case: round(f1 - stands[case], 3) for case, f1 in cases.figures().items()}
            sensitivity.append({"parameter": name, "from": getattr(beats, name), "to": value, **moved})
            row = f"{name:20} {getattr(beats, name)!s:>14} {value!s:>14} "
            say(row + "".join(f"{change:+12.2f}" for change in moved.values()))
    validation = cross_validate(cases)
    for name, scores in validation.items():
        say(f"{name:20} " + "  ".join(f"{case} {value:.2f}" for case, value in scores.items()))
    result = {"records": len(records), "f1": stands, "sensitivity": sensitivity, "cross_validation": validation}
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
