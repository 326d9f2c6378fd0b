"""Find pairs of one subject's signals that are nearly the same: rows of ``raw.ecg_run_similarity``."""

from collections.abc import Iterable, Sequence
from itertools import groupby

import duckdb
import numpy as np
import pyarrow as pa

from orchestration.lib.catalog.load_transaction import LoadTransaction
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources.ecg.contract import ECG_RUN_SIMILARITY
from orchestration.lib.sources.ecg.rows import VERSION, TransformedRun, arrow_rows
from orchestration.lib.sources.ecg.signal_parquet import FilteredSignal, read_filtered
from python_transforms.ecg.similarity import similar_pairs

# Another run of the same subject with almost the same signal: one sample changed gives 0.99999 (first deliveries).
NEAR_DUPLICATE_CORRELATION = 0.9999
# Clinic and subject.
Subject = tuple[str, str]


def stored_signals(
    con: duckdb.DuckDBPyConnection, lake: Lake, subjects: Iterable[Subject]
) -> dict[Subject, list[FilteredSignal]]:
    """Read the filtered signals of these subjects that earlier transactions have stored."""
    clinics, names = zip(*subjects, strict=True)
    con.register("subjects", pa.table({"clinic": clinics, "subject": names}))
    rows = con.execute(
        """
        select signal_path, _raw_path, clinic, subject from raw.ecg_run_feature
        where is_usable and (clinic, subject) in (select (clinic, subject) from subjects)
        order by signal_path
        """
    ).fetchall()
    con.unregister("subjects")
    signals: dict[Subject, list[FilteredSignal]] = {}
    for signal_path, group in groupby(rows, key=lambda row: row[0]):
        subject_of = {raw_path: (clinic, subject) for _, raw_path, clinic, subject in group}
        for signal in read_filtered(lake, signal_path, list(subject_of)):
            signals.setdefault(subject_of[signal.raw_path], []).append(signal)
    return signals


def similarity_rows(
    runs: Sequence[TransformedRun], stored: dict[Subject, list[FilteredSignal]], load: LoadTransaction
) -> pa.Table:
    """Compare each new usable signal with the other usable signals of its subject, of equal length and rate."""
    rows: list[dict[str, object]] = []
    for (clinic, subject), group in groupby(sorted(runs, key=lambda run: run.key), key=lambda run: run.key[:2]):
        new = [
            FilteredSignal(run.signal.file.raw_path, run.signal.header.sampling_rate_hz, run.filtered_mv)
            for run in group
            if run.is_usable
        ]
        rows += [
            {
                "clinic": clinic,
                "subject": subject,
                "other_raw_path": other_path,
                "correlation": correlation,
                "transform_version": VERSION,
                "_raw_path": raw_path,
                "_row_number": 1,
                "_load_id": load.load_id,
                "_loaded_at": load.started_at,
            }
            for raw_path, other_path, correlation in _similar(stored.get((clinic, subject), []), new)
        ]
    return arrow_rows(ECG_RUN_SIMILARITY, rows)


def _similar(stored: list[FilteredSignal], new: list[FilteredSignal]) -> list[tuple[str, str, float]]:
    """Find the pairs with at least one new signal that are nearly the same: both paths and their correlation."""
    groups: dict[tuple[int, float], list[tuple[FilteredSignal, bool]]] = {}
    for signals, is_new in ((stored, False), (new, True)):
        for signal in signals:
            groups.setdefault((len(signal.filtered_mv), signal.sampling_rate_hz), []).append((signal, is_new))
    return [
        (members[one][0].raw_path, members[other][0].raw_path, correlation)
        for members in groups.values()
        for one, other, correlation in similar_pairs(
            np.stack([signal.filtered_mv for signal, _ in members]),
            np.array([is_new for _, is_new in members]),
            NEAR_DUPLICATE_CORRELATION,
        )
    ]
