"""Tell people apart by their ECG: rank-1 rate and equal error rate on a folder of ECG-ID.

    python -m benchmarks.identification --wfdb DIR [--halves N] [--json]

Reads every ``Person_NN/rec_M`` below DIR (first channel, the raw one; the day stands in the header's comment ``ECG
date:``), filters, finds beats and makes templates with the pipeline's own transforms, and scores three protocols, each
with a closed set and a gallery of everybody: ``chronological`` (the earliest 60 % of all records are enrolled),
``cross_session`` (a person's first date against later dates) and ``one_shot`` (a person's first record against all
others). No record is on both sides, and of records that are copies of each other only the first is used. The
normalisation of the scores is learnt from other people than the probes', in 20 groups.
``python_transforms/ecg/identification.py`` says how each is drawn.

Intervals are 95 %, from resamples of the probes' people. ``--halves N`` identifies again N times in two groups drawn at
random in place of 20: the normalisation then comes from half of the people, and the mean rates say what that costs.
From the same scores follows how often a record would be taken for somebody else's in smaller galleries, drawn at
random: what to expect of larger ones. The last line is one JSON object; ``--json`` prints nothing else.
"""

import argparse
import json
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import comb

from python_transforms.ecg import transform_batch
from python_transforms.ecg.identification import PROTOCOLS, Matches, cross_fit, match
from python_transforms.ecg.identification_rates import Rates, rates
from python_transforms.ecg.similarity import similar_pairs
from python_transforms.ecg.template import TEMPLATE_SAMPLES, beat_templates

# As the warehouse marks near duplicates of one subject (orchestration/lib/sources/ecg/near_duplicates.py).
NEAR_DUPLICATE_CORRELATION = 0.9999
# Sizes for which the errors of smaller galleries are computed.
GALLERIES = (5, 10, 20)


@dataclass
class Record:
    """Hold a record: its person, number, day (a count of days), and raw signal in mV."""

    person: int
    number: int
    day: int
    ecg_mv: NDArray[np.float64]
    sampling_rate_hz: float


def read_records(folder: Path) -> list[Record]:
    """Read every record below a folder, by person and number.

    A record whose header gives no day is taken for one of the day of the person's record before it, or the one after.
    """
    import wfdb

    paths: dict[tuple[int, int], Path] = {}
    for path in sorted(folder.rglob("Person_*/rec_*.hea")):
        if names := re.fullmatch(r"Person_(\d+)/rec_(\d+)\.hea", f"{path.parent.name}/{path.name}"):
            paths[int(names[1]), int(names[2])] = path
    records: list[Record] = []
    undated: list[Record] = []
    for (person, number), path in sorted(paths.items()):
        record = wfdb.rdrecord(str(path.with_suffix("")), channels=[0])
        day = _day(record.comments)
        if day is None:
            print(f"{path}: no comment like '# ECG date: 07.12.2004'; its neighbour's day is taken", file=sys.stderr)
        made = Record(person, number, day or 0, record.p_signal[:, 0], float(record.fs))
        records.append(made)
        undated += [made] if day is None else []
    for record in undated:
        others = [other for other in records if other.person == record.person and other.day]
        before = [other.day for other in others if other.number < record.number]
        record.day = before[-1] if before else min((other.day for other in others), default=1)
    return records


def _day(comments: Sequence[str]) -> int | None:
    """Read the day that a header's comments name, as a count of days."""
    for comment in comments:
        if date := re.match(r"ECG date:\s*(\d+\.\d+\.\d{4})", comment):
            try:
                return datetime.strptime(date[1], "%d.%m.%Y").toordinal()
            except ValueError:
                return None
    return None


def make_templates(records: Sequence[Record]) -> NDArray[np.float64]:
    """Make the template of each record, NaN where it is a copy of an earlier one or has none of its own."""
    templates = np.full((len(records), TEMPLATE_SAMPLES), np.nan)
    kinds: dict[tuple[int, float], list[int]] = {}
    for row, record in enumerate(records):
        kinds.setdefault((len(record.ecg_mv), record.sampling_rate_hz), []).append(row)
    for (_, rate), rows in kinds.items():
        batch = transform_batch(np.stack([records[row].ecg_mv for row in rows]), rate)
        usable = [at for at in range(len(rows)) if batch.is_usable[at]]
        pairs = similar_pairs(batch.filtered_mv[usable], np.ones(len(usable), bool), NEAR_DUPLICATE_CORRELATION)
        copies = {usable[max(one, other)] for one, other, _ in pairs}
        chosen = [at for at in usable if at not in copies]
        templates[[rows[at] for at in chosen]] = beat_templates(
            list(batch.filtered_mv[chosen]), [batch.r_peak_index[at] for at in chosen], rate
        )
    return templates


def score(records: Sequence[Record], templates: NDArray[np.float64]) -> dict[str, tuple[Matches, Rates]]:
    """Compute matches and rates of each protocol."""
    person, day, number = (np.array([getattr(one, name) for one in records]) for name in ("person", "day", "number"))
    fit = cross_fit(templates, person)
    matches = {name: match(templates, person, draw(person, day, number), fit) for name, draw in PROTOCOLS.items()}
    return {name: (protocol_matches, rates(protocol_matches)) for name, protocol_matches in matches.items()}


@dataclass
class Halves:
    """Hold mean rates over divisions of the people into two random groups, and errors by gallery size, in percent."""

    rank1: float
    eer: float
    error_by_gallery: dict[int, float]


def score_halves(records: Sequence[Record], templates: NDArray[np.float64], count: int) -> dict[str, Halves]:
    """Score each protocol over ``count`` divisions of the people into two random groups."""
    person, day, number = (np.array([getattr(one, name) for one in records]) for name in ("person", "day", "number"))
    rng = np.random.default_rng(0)
    # people are dealt into groups in their order: another order, other groups
    orders = [rng.permutation(person.max() + 1)[person] for _ in range(count)]
    fits = [cross_fit(templates, order, folds=2) for order in orders]
    halves = {}
    for name, draw in PROTOCOLS.items():
        split = draw(person, day, number)
        matches = [match(templates, order, split, fit) for order, fit in zip(orders, fits, strict=True)]
        summaries = [rates(one) for one in matches]
        sizes = [size for size in GALLERIES if size < len(matches[0].gallery)] + [len(matches[0].gallery)]
        halves[name] = Halves(
            float(np.mean([one.rank1 for one in summaries])),
            float(np.mean([one.eer for one in summaries])),
            {size: float(np.mean([error_in_gallery(one, size) for one in matches])) for size in sizes},
        )
    return halves


def error_in_gallery(matches: Matches, size: int) -> float:
    """Estimate how often, in percent, somebody else is first among ``size`` people: the true one and random others."""
    others, closer = len(matches.gallery) - 1, matches.rank - 1
    return float(100 * np.mean(1 - comb(others - closer, size - 1) / comb(others, size - 1)))


def describe(name: str, matches: Matches, summary: Rates, records: Sequence[Record]) -> str:
    """Describe one protocol: rates, intervals, and each record that was taken for somebody else's."""
    lines = [
        f"{name}: {summary.probe_count} probes, {len(np.unique(matches.true))} people, "
        f"gallery of {summary.gallery_count}",
        *(
            f"  {label:7} {value:6.2f} %  ({low:.2f} to {high:.2f})"
            for label, value, (low, high) in (
                ("rank 1", summary.rank1, summary.rank1_interval),
                ("rank 5", summary.rank5, summary.rank5_interval),
                ("EER", summary.eer, summary.eer_interval),
            )
        ),
    ]
    for row in np.flatnonzero(matches.rank > 1):
        record, other = records[matches.probe[row]], matches.gallery[matches.best(1)[row, 0]]
        lines.append(
            f"  Person_{record.person:02}/rec_{record.number} was taken for person {other}, rank {matches.rank[row]}"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--wfdb", type=Path, required=True, metavar="DIR", help="folder with Person_NN/rec_M records")
    parser.add_argument("--halves", type=int, default=0, metavar="N", help="also ask N times in two random groups")
    parser.add_argument("--json", action="store_true", help="print the JSON line only")
    options = parser.parse_args(arguments)
    if not options.wfdb.is_dir():
        print(f"{options.wfdb} is not a folder", file=sys.stderr)
        return 2
    records = read_records(options.wfdb)
    begin = time.perf_counter()
    templates = make_templates(records)
    is_known = np.asarray(np.isfinite(templates).all(axis=1))
    kept = [record for record, known in zip(records, is_known, strict=True) if known]
    if len({record.person for record in kept}) < 2:
        print(f"no two people with records (Person_NN/rec_M.hea) below {options.wfdb}", file=sys.stderr)
        return 2
    results = score(kept, templates[is_known])
    halves = score_halves(kept, templates[is_known], options.halves) if options.halves > 0 else {}
    if not options.json:
        print(
            f"{len(kept)} of {len(records)} records of {len({record.person for record in kept})} people, "
            f"{time.perf_counter() - begin:.1f} s"
        )
        for name, (matches, summary) in results.items():
            print(describe(name, matches, summary, kept))
        for name, half in halves.items():
            print(f"{name}, learnt from half of the people: rank 1 {half.rank1:.2f} %, EER {half.eer:.2f} %")
            errors = ", ".join(f"{error:.2f} % of {size}" for size, error in half.error_by_gallery.items())
            print(f"  taken for somebody else in a gallery: {errors}")
    print(
        json.dumps(
            {
                name: {
                    "rank1": round(summary.rank1, 2),
                    "eer": round(summary.eer, 2),
                    "n": summary.probe_count,
                    "rank1_interval": [round(end, 2) for end in summary.rank1_interval],
                    "eer_interval": [round(end, 2) for end in summary.eer_interval],
                    "rank5": round(summary.rank5, 2),
                    "people": len(np.unique(matches.true)),
                    "gallery": summary.gallery_count,
                    "records_left_out": len(records) - len(kept),
                    **(
                        {"halves": {"rank1": round(halves[name].rank1, 2), "eer": round(halves[name].eer, 2)}}
                        if halves
                        else {}
                    ),
                }
                for name, (matches, summary) in results.items()
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
