"""Identify people by the mean beats of their ECG runs: Arrow tables for the dbt models, around python_transforms.

The transform keeps a template of each run. The templates are compared anew in each build, since a new run changes the
gallery: this costs about a millisecond for each run and protocol, and four bytes for each run and person.

A run is compared with the people of its own clinic only. Nobody shall learn from a heartbeat whether two clinics know
the same person.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from python_transforms.ecg.identification import PROTOCOLS, Matches, cross_fit, match
from python_transforms.ecg.identification_rates import rates

_MATCH_SCHEMA = pa.schema(
    [
        ("clinic", pa.string()),
        ("protocol", pa.string()),
        ("run_key", pa.string()),
        ("subject_key", pa.string()),
        ("score", pa.float32()),
        ("rank", pa.int32()),
        ("best_match_subject_key", pa.string()),
        ("best_match_score", pa.float32()),
        ("second_match_subject_key", pa.string()),
        ("second_match_score", pa.float32()),
        ("gallery_position", pa.int32()),
        ("gallery_score", pa.list_(pa.float32())),
        ("transform_version", pa.string()),
    ]
)

_RATE_SCHEMA = pa.schema(
    [
        ("clinic", pa.string()),
        ("protocol", pa.string()),
        ("asked_run_count", pa.int64()),
        ("asked_subject_count", pa.int64()),
        ("gallery_subject_count", pa.int64()),
        *((f"{rate}{end}_pct", pa.float64()) for rate in ("rank1", "rank5", "eer") for end in ("", "_low", "_high")),
        ("transform_version", pa.string()),
    ]
)


def match_runs(runs: pa.Table) -> pa.Table:
    """Match runs with people by each protocol, clinic by clinic.

    Parameters
    ----------
    runs
        One row a run: ``run_key``, ``subject_key``, ``clinic``, ``recorded_on``, ``run_number``, ``template_mv``,
        ``transform_version``. No run may be a copy of another.

    Returns
    -------
    One row for each clinic, protocol and probe run: the score with its own person and that person's rank, the two best
    matches, the scores with everybody in the gallery (in the order of their keys), and the position of its own person
    among them, from 0.
    """
    ordered = runs.sort_by([("subject_key", "ascending"), ("run_number", "ascending")])
    tables = [table for of_clinic in _groups(ordered, "clinic") for table in _match_clinic(of_clinic)]
    return pa.concat_tables([_MATCH_SCHEMA.empty_table(), *tables])


def rate_protocols(matches: pa.Table) -> pa.Table:
    """Compute rates from the table of `match_runs`: one row for each clinic and protocol that has probe runs."""
    rows = []
    # in one order, so that the same matches give the same resamples
    for of_clinic in _groups(matches.sort_by("run_key"), "clinic"):
        for probes in _groups(of_clinic, "protocol"):
            score = probes["gallery_score"].combine_chunks().flatten().to_numpy().reshape(len(probes), -1)
            true = probes["gallery_position"].to_numpy().astype(np.int64)
            rate = rates(Matches(np.arange(len(score)), np.arange(score.shape[1]), true, score))
            rows.append(
                {
                    "clinic": probes["clinic"][0].as_py(),
                    "protocol": probes["protocol"][0].as_py(),
                    "asked_run_count": rate.probe_count,
                    "asked_subject_count": len(set(probes["subject_key"].to_pylist())),
                    "gallery_subject_count": rate.gallery_count,
                    "rank1_pct": rate.rank1,
                    "rank1_low_pct": rate.rank1_interval[0],
                    "rank1_high_pct": rate.rank1_interval[1],
                    "rank5_pct": rate.rank5,
                    "rank5_low_pct": rate.rank5_interval[0],
                    "rank5_high_pct": rate.rank5_interval[1],
                    "eer_pct": rate.eer,
                    "eer_low_pct": rate.eer_interval[0],
                    "eer_high_pct": rate.eer_interval[1],
                    "transform_version": _versions(probes, "transform_version"),
                }
            )
    return pa.Table.from_pylist(rows, schema=_RATE_SCHEMA)


def _match_clinic(runs: pa.Table) -> Iterator[pa.Table]:
    """Yield a table of each protocol for the runs of one clinic."""
    people, subject = np.unique(runs["subject_key"].to_pylist(), return_inverse=True)
    if len(people) < 2:  # one person alone cannot be mistaken for another
        return
    templates = np.array(runs["template_mv"].to_pylist())
    day = runs["recorded_on"].cast(pa.int32()).to_numpy().astype(np.int64)
    number = runs["run_number"].to_numpy().astype(np.int64)
    fit = cross_fit(templates, subject)
    for protocol, draw in PROTOCOLS.items():
        matches = match(templates, subject, draw(subject, day, number), fit)
        best = matches.best(2)
        best_score = np.take_along_axis(matches.score, best, axis=1)
        probes = runs.take(matches.probe)
        columns = {
            "clinic": probes["clinic"],
            "protocol": [protocol] * len(matches.probe),
            "run_key": probes["run_key"],
            "subject_key": probes["subject_key"],
            "score": matches.genuine,
            "rank": matches.rank.astype(np.int32),
            "best_match_subject_key": people[matches.gallery[best[:, 0]]],
            "best_match_score": best_score[:, 0],
            "second_match_subject_key": people[matches.gallery[best[:, 1]]],
            "second_match_score": best_score[:, 1],
            "gallery_position": matches.true.astype(np.int32),
            "gallery_score": list(matches.score),
            "transform_version": probes["transform_version"],
        }
        yield pa.table(columns, schema=_MATCH_SCHEMA)


def _groups(table: pa.Table, column: str) -> Iterator[pa.Table]:
    """Yield the rows of each value of a column, in the order of the values; rows keep their order."""
    values = np.array(table[column].to_pylist(), str)
    for value in np.unique(values):
        yield table.take(np.flatnonzero(values == value))


def _versions(table: pa.Table, column: str) -> str:
    return ", ".join(sorted(set(table[column].to_pylist())))
