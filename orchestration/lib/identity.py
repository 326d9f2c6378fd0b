"""Who is it? Templates of the runs, kept from build to build, and how well runs find their person again.

A template is computed once from a run's filtered signal in the lake, and goes when the signal it was made of is
transformed anew, replaced or gone. What is asked of the templates is asked anew in each build, since a new run changes
the gallery; it costs a millisecond or so for each run and protocol, and four bytes for each run and person.

People are only ever looked for within their own clinic: whether two clinics know the same person is nobody's to find
out from their heartbeat.
"""

import logging
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from orchestration.lib import progress
from orchestration.lib.catalog import insert_arrow
from orchestration.lib.errors import VitalhouseError
from orchestration.lib.lake import Lake
from orchestration.lib.warehouse import Warehouse, transaction
from python_transforms.ecg.identification import PROTOCOLS, Matches, cross_fit, match, rates
from python_transforms.ecg.template import TEMPLATE_VERSION, beat_templates

_LOG = logging.getLogger(__name__)

# Templates of one transaction: a second of work that a kill can cost.
TRANSACTION_RUNS = 512
# A file of signals is read and worked on by one thread; numpy lets go of the interpreter.
THREADS = min(4, os.cpu_count() or 1)

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass
class EnrolmentReport:
    """What became of the templates."""

    template_count: int = 0
    without_template_count: int = 0
    removed_count: int = 0
    seconds: float = 0.0

    def as_metadata(self) -> dict[str, int | float | str]:
        """The figures that a Dagster asset shows."""
        return {
            "templates": self.template_count,
            "runs without a template": self.without_template_count,
            "removed": self.removed_count,
            "seconds": round(self.seconds, 3),
        }


# A template belongs to one computation of one signal: another computation has another load.
_STALE = """
    delete from raw.ecg_run_template as template
    where template_version != ? or not exists (
        select 1 from raw.ecg_run_feature as feature
        where feature._raw_path = template._raw_path and feature._load_id = template._load_id
    )
"""

_WITHOUT_TEMPLATE = """
    select signal_path, _raw_path, clinic, subject, run, _load_id, _loaded_at
    from raw.ecg_run_feature as feature
    where is_usable and not exists (
        select 1 from raw.ecg_run_template as template
        where template._raw_path = feature._raw_path and template._load_id = feature._load_id
    )
    order by signal_path, _raw_path
    limit ?
"""

_TEMPLATE_SCHEMA = pa.schema(
    [
        ("clinic", pa.string()),
        ("subject", pa.string()),
        ("run", pa.int32()),
        ("template_mv", pa.list_(pa.float64())),
        ("template_version", pa.string()),
        ("_raw_path", pa.string()),
        ("_row_number", pa.int64()),
        ("_load_id", pa.int64()),
        ("_loaded_at", pa.timestamp("us")),
    ]
)


def enrol_runs(lake: Lake, warehouse: Warehouse, log: logging.Logger | None = None) -> EnrolmentReport:
    """Bring ``raw.ecg_run_template`` up to date: a row for each usable signal that has been transformed, and no other.

    Where a signal has too few whole beats for a template, its row says so with a null, and it is not read again.

    Raises
    ------
    VitalhouseError
        If a signal is not in the Parquet file that its row names.
    """
    started = time.monotonic()
    report = EnrolmentReport()
    with warehouse.write() as con, progress.task("Enrolling ECG runs", total=None) as task:
        with transaction(con):
            row = con.execute(_STALE, [TEMPLATE_VERSION]).fetchone()
            report.removed_count = int(row[0]) if row else 0
        while signals := con.execute(_WITHOUT_TEMPLATE, [TRANSACTION_RUNS]).fetchall():
            rows = _templates(lake, signals)
            with transaction(con):
                insert_arrow(
                    con,
                    "insert into raw.ecg_run_template by name select * from rows",
                    pa.Table.from_pylist(rows, schema=_TEMPLATE_SCHEMA),
                )
            unknown = sum(row["template_mv"] is None for row in rows)
            report.template_count += len(rows) - unknown
            report.without_template_count += unknown
            task.advance(len(rows))
    report.seconds = time.monotonic() - started
    (log or _LOG).info("enrolled %d ECG runs", report.template_count)
    return report


def _templates(lake: Lake, signals: Sequence[tuple[Any, ...]]) -> list[dict[str, object]]:
    """Rows of ``raw.ecg_run_template`` for rows of `_WITHOUT_TEMPLATE`."""
    files = [(path, [str(signal[1]) for signal in group]) for path, group in groupby(signals, lambda signal: signal[0])]
    with ThreadPoolExecutor(THREADS) as pool:
        read = pool.map(lambda file: _read(lake, *file), files)
        found = {raw_path: template for of_file in read for raw_path, template in of_file.items()}
    return [
        {
            "clinic": clinic,
            "subject": subject,
            "run": run,
            "template_mv": found[raw_path],
            "template_version": TEMPLATE_VERSION,
            "_raw_path": raw_path,
            "_row_number": 1,
            "_load_id": load_id,
            "_loaded_at": loaded_at,
        }
        for _, raw_path, clinic, subject, run, load_id, loaded_at in signals
    ]


def _read(lake: Lake, signal_path: str, raw_paths: Sequence[str]) -> dict[str, list[float] | None]:
    """Templates of some raw files' signals in one Parquet file; None where a signal has none."""
    try:
        table = pq.read_table(
            lake.path(signal_path),
            columns=["raw_path", "sampling_rate_hz", "filtered_mv", "r_peak_index"],
            filters=[("raw_path", "in", list(raw_paths))],
            partitioning=None,
        )
    except (OSError, pa.ArrowException) as error:
        raise VitalhouseError(
            f"{signal_path}: the filtered signals cannot be read ({error}): "
            "make them anew with vitalhouse build --measurement ecg --reload"
        ) from None
    missing = sorted(set(raw_paths) - set(table["raw_path"].to_pylist()))
    if missing:
        raise VitalhouseError(
            f"{signal_path}: the filtered signal of {missing[0]} is not in it: "
            "make it anew with vitalhouse build --measurement ecg --reload"
        )
    found: dict[str, list[float] | None] = {}
    for rate in table["sampling_rate_hz"].unique().to_pylist():
        of_rate = table.filter(pc.equal(table["sampling_rate_hz"], rate))
        filtered, r_peaks = (
            [np.asarray(one.values) for one in of_rate[column]] for column in ("filtered_mv", "r_peak_index")
        )
        templates = beat_templates(filtered, r_peaks, rate)
        for raw_path, template in zip(of_rate["raw_path"].to_pylist(), templates, strict=True):
            found[raw_path] = template.tolist() if np.isfinite(template).all() else None
    return found


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
        ("template_version", pa.string()),
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
        ("template_version", pa.string()),
        ("transform_version", pa.string()),
    ]
)


def match_runs(runs: pa.Table) -> pa.Table:
    """Ask runs by each protocol who they are, clinic by clinic.

    Parameters
    ----------
    runs
        One row a run: ``run_key``, ``subject_key``, ``clinic``, ``recorded_on``, ``run_number``, ``template_mv``,
        ``template_version``, ``transform_version``. No run may be a copy of another.

    Returns
    -------
    One row for each clinic, protocol and run that was asked: the score with its own person and their rank, the two most
    like people, and the scores with everybody in the gallery (in the order of their keys) with the place of its own
    person among them, from 0.
    """
    ordered = runs.sort_by([("subject_key", "ascending"), ("run_number", "ascending")])
    tables = [table for of_clinic in _groups(ordered, "clinic") for table in _match_clinic(of_clinic)]
    return pa.concat_tables([_MATCH_SCHEMA.empty_table(), *tables])


def rate_protocols(matches: pa.Table) -> pa.Table:
    """Sum up what `match_runs` gives: one row for each clinic and protocol by which anything was asked."""
    rows = []
    # in one order, so that the same matches give the same resamples
    for of_clinic in _groups(matches.sort_by("run_key"), "clinic"):
        for asked in _groups(of_clinic, "protocol"):
            score = asked["gallery_score"].combine_chunks().flatten().to_numpy().reshape(len(asked), -1)
            true = asked["gallery_position"].to_numpy().astype(np.int64)
            found = rates(Matches(np.arange(len(score)), np.arange(score.shape[1]), true, score))
            rows.append(
                {
                    "clinic": asked["clinic"][0].as_py(),
                    "protocol": asked["protocol"][0].as_py(),
                    "asked_run_count": found.asked_count,
                    "asked_subject_count": len(set(asked["subject_key"].to_pylist())),
                    "gallery_subject_count": found.gallery_count,
                    "rank1_pct": found.rank1,
                    "rank1_low_pct": found.rank1_interval[0],
                    "rank1_high_pct": found.rank1_interval[1],
                    "rank5_pct": found.rank5,
                    "rank5_low_pct": found.rank5_interval[0],
                    "rank5_high_pct": found.rank5_interval[1],
                    "eer_pct": found.eer,
                    "eer_low_pct": found.eer_interval[0],
                    "eer_high_pct": found.eer_interval[1],
                    "template_version": _versions(asked, "template_version"),
                    "transform_version": _versions(asked, "transform_version"),
                }
            )
    return pa.Table.from_pylist(rows, schema=_RATE_SCHEMA)


def _match_clinic(runs: pa.Table) -> Iterator[pa.Table]:
    """Rows of each protocol for the runs of one clinic."""
    people, subject = np.unique(runs["subject_key"].to_pylist(), return_inverse=True)
    if len(people) < 2:  # who is alone can be taken for nobody else
        return
    templates = np.array(runs["template_mv"].to_pylist())
    day = runs["recorded_on"].cast(pa.int32()).to_numpy().astype(np.int64)
    number = runs["run_number"].to_numpy().astype(np.int64)
    fit = cross_fit(templates, subject)
    for protocol, draw in PROTOCOLS.items():
        found = match(templates, subject, draw(subject, day, number), fit)
        best = found.best(2)
        best_score = np.take_along_axis(found.score, best, axis=1)
        asked = runs.take(found.asked)
        columns = {
            "clinic": asked["clinic"],
            "protocol": [protocol] * len(found.asked),
            "run_key": asked["run_key"],
            "subject_key": asked["subject_key"],
            "score": found.genuine,
            "rank": found.rank.astype(np.int32),
            "best_match_subject_key": people[found.gallery[best[:, 0]]],
            "best_match_score": best_score[:, 0],
            "second_match_subject_key": people[found.gallery[best[:, 1]]],
            "second_match_score": best_score[:, 1],
            "gallery_position": found.true.astype(np.int32),
            "gallery_score": list(found.score),
            "template_version": asked["template_version"],
            "transform_version": asked["transform_version"],
        }
        yield pa.table(columns, schema=_MATCH_SCHEMA)


def _groups(table: pa.Table, column: str) -> Iterator[pa.Table]:
    """The rows of each value of a column, in their order and that of the values."""
    values = np.array(table[column].to_pylist(), str)
    for value in np.unique(values):
        yield table.take(np.flatnonzero(values == value))


def _versions(table: pa.Table, column: str) -> str:
    return ", ".join(sorted(set(table[column].to_pylist())))
