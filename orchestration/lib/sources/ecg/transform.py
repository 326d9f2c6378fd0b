"""ECG signals: from pending CSV files to filtered Parquet files and features, each signal once.

A run is its latest header and its latest signal, also when these came in different deliveries. A batch of signals is
one transaction: the Parquet files are written under a temporary name and renamed before the commit; a file that no row
names (a kill came between) is removed by the next transform of its delivery.
"""

import logging
import math
import os
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, chain, groupby, pairwise
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from orchestration.lib.catalog import load_queue
from orchestration.lib.catalog.load_report import LoadReport
from orchestration.lib.catalog.load_transaction import LoadTransaction, PendingFile, delete_rows, load_transaction
from orchestration.lib.contract.entity import Entity, RejectedRow
from orchestration.lib.core import progress
from orchestration.lib.lake.delivery import Delivery
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources.ecg.contract import ECG_RUN_FEATURE, ECG_RUN_SIGNAL
from orchestration.lib.sources.ecg.rows import (
    MILLIVOLTS,
    MIN_DURATION_S,
    VERSION,
    RunHeader,
    RunSignal,
    TransformedRun,
    batches,
    run_key_of,
    similarity_rows,
    transform_signals,
)
from orchestration.lib.sources.ecg.signal_csv import BadSignal, read_signals
from orchestration.lib.sources.ecg.signal_parquet import (
    FilteredSignal,
    list_array,
    part_path,
    prepare,
    read_filtered,
    remove_unreferenced,
    write_beats,
    write_part,
)
from orchestration.lib.warehouse.arrow import insert_arrow
from orchestration.lib.warehouse.connection import Warehouse, transaction
from python_transforms.ecg import BEAT_FIGURES

_LOG = logging.getLogger(__name__)
# Bytes of CSV in one transaction: about 500 runs of 20 s, 2 s of work that a kill can cost, 0.5 GB of memory.
TRANSACTION_BYTES = 32 * 2**20
# The most CSV that a thread reads and transforms at once, and that becomes a Parquet file: about 160 runs of 20 s at
# 500 Hz, 13 MB of samples. With a third of it the threads wait for each other more often: 288 runs take a tenth longer.
BUNCH_BYTES = 10 * 2**20
# Less than this, some eight runs, is not worth a thread and a file of its own.
MIN_BUNCH_BYTES = 2**19
# scipy's filters and numpy's loops let go of the interpreter: a second thread is a second core.
THREADS = min(4, os.cpu_count() or 1)


def transform_runs(
    lake: Lake,
    warehouse: Warehouse,
    deliveries: Sequence[Delivery] | None = None,
    reload: bool = False,
    recompute: bool = False,
    log: logging.Logger | None = None,
) -> LoadReport:
    """Transform every signal whose turn it is: Parquet, ``raw.ecg_run_feature`` and ``raw.ecg_run_similarity``.

    Parameters
    ----------
    deliveries
        Transform only the signals of these (and signals of any delivery that waited for a header). Default: all.
    reload
        Transform the deliveries' signals anew.
    recompute
        Transform anew what another version of the transforms made.
    """
    started = time.monotonic()
    log = log or _LOG
    report = LoadReport()
    prepare(lake)
    with progress.task("Filtering ECG runs", total=None) as task:
        is_first, is_last = True, False
        while not is_last:
            with warehouse.write() as con:
                if is_first:
                    remove_unreferenced(con, lake, deliveries)
                    if reload:
                        load_queue.mark_for_reload(con, ECG_RUN_SIGNAL, deliveries)
                    if recompute:
                        _mark_other_version(con, deliveries)
                with transaction(con):
                    files, remaining_count = _next_batch(con, deliveries, report)
                task.set_total(report.file_count + len(files) + remaining_count)
                if files:
                    pending = [file for file, _ in files]
                    with load_transaction(con, ECG_RUN_SIGNAL, pending, report, _delete_rows) as load:
                        _Transaction(con, lake, load, task.advance).run(files)
                # Only now is it known which signals count: a duplicate makes an earlier content the current one again.
                is_first, is_last = False, remaining_count == 0 and not _mark_outdated(con)
                if is_last:
                    # What was computed anew is now named by its row; what it replaced is not.
                    remove_unreferenced(con, lake, deliveries)
            log.info("transformed %d ECG signals", report.file_count)
    report.seconds = time.monotonic() - started
    return report


# The header that counts for each run, as `catalog.delivered_content` decides it.
_CURRENT_HEADER = """
    select content.record_key, header._raw_path as raw_path, header.fs, lower(trim(header.units)) as units
    from raw.ecg_run_header as header
    inner join catalog.delivered_content as content on content.raw_path = header._raw_path
    where content.entity = 'run_header' and content.is_current
"""
# Features that some header of their run contradicts: rarely any, and cheap to ask.
_DOUBTFUL = """
    select distinct feature._raw_path
    from raw.ecg_run_feature as feature
    inner join raw.ecg_run_header as header using (clinic, subject, run)
    where feature.sampling_rate_hz != header.fs or feature.units != lower(trim(header.units))
"""
# Of these, the ones that their current header contradicts; superseded signals too, which may become current again.
_OUTDATED = f"""
    select feature._raw_path
    from raw.ecg_run_feature as feature
    inner join catalog.delivered_content as content on content.raw_path = feature._raw_path
    inner join ({_CURRENT_HEADER}) as header on header.record_key = content.record_key
    where list_contains(?, feature._raw_path)
        and (feature.sampling_rate_hz != header.fs or feature.units != header.units)
"""
# Signals that were too short at the rate which their header then gave.
_TOO_SHORT = """
    select record_key from catalog.file
    where measurement = 'ecg' and entity = 'run_signal' and status = 'rejected' and reason like 'it has % samples, %'
"""
# Of these, the ones that are long enough at the rate of their current header.
_LONG_ENOUGH = f"""
    select file.raw_path
    from catalog.file as file
    inner join ({_CURRENT_HEADER}) as header on header.record_key = file.record_key
    where list_contains(?, file.record_key)
        and file.measurement = 'ecg' and file.entity = 'run_signal' and file.status = 'rejected'
        and try_cast(regexp_extract(file.reason, '^it has ([0-9]+) samples, ', 1) as bigint) / header.fs >= ?
"""


def _mark_outdated(con: duckdb.DuckDBPyConnection) -> bool:
    """Take up signals again that were read with a rate or unit that another header has corrected; true if there are.

    They are waiting, not pending: that is done in whatever delivery they lie.
    """
    paths: list[str] = []
    doubtful = [path for (path,) in con.execute(_DOUBTFUL).fetchall()]
    if doubtful:
        paths += [path for (path,) in con.execute(_OUTDATED, [doubtful]).fetchall()]
    too_short = [key for (key,) in con.execute(_TOO_SHORT).fetchall()]
    if too_short:
        paths += [path for (path,) in con.execute(_LONG_ENOUGH, [too_short, MIN_DURATION_S]).fetchall()]
    if paths:
        con.execute(
            """
            update catalog.file set status = 'waiting', reason = 'a later header has another sampling rate or unit'
            where raw_path in (select unnest(?))
            """,
            [paths],
        )
    return bool(paths)


def _mark_other_version(con: duckdb.DuckDBPyConnection, deliveries: Sequence[Delivery] | None) -> None:
    """Take up signals again that another version of the transforms has computed."""
    keys = None if deliveries is None else [delivery.key for delivery in deliveries]
    con.execute(
        """
        update catalog.file set status = 'pending', reason = 'another version of the transforms'
        where status = 'loaded' and raw_path in (
            select _raw_path from raw.ecg_run_feature
            where transform_version != ? and (? is null or clinic || '/' || delivery in (select unnest(?)))
        )
        """,
        [VERSION, keys, keys or []],
    )


def _next_batch(
    con: duckdb.DuckDBPyConnection, deliveries: Sequence[Delivery] | None, report: LoadReport
) -> tuple[list[tuple[PendingFile, RunHeader]], int]:
    """Signals of one transaction with their headers, and how many remain; signals without a valid header wait."""
    report.waiting_count = 0
    files = load_queue.select_pending_files(con, ECG_RUN_SIGNAL, deliveries, report, _delete_rows)
    headers = {
        key: RunHeader(raw_path, fs, units)
        for key, raw_path, fs, units in con.execute(
            f"{_CURRENT_HEADER} and list_contains(?, content.record_key)", [[file.record_key for file in files]]
        ).fetchall()
    }
    alone = [file.raw_path for file in files if file.record_key not in headers]
    load_queue.mark_waiting(con, alone, "its header has not come, or was rejected", report)
    ready = [(file, headers[file.record_key]) for file in files if file.record_key in headers]
    ends = list(accumulate(file.size_bytes for file, _ in ready))
    count = max(bisect_right(ends, TRANSACTION_BYTES), 1)
    return ready[:count], max(len(ready) - count, 0)


def _delete_rows(con: duckdb.DuckDBPyConnection, entity: Entity, raw_paths: list[str]) -> int:
    """Remove the rows that an earlier transform made of these signals; return how many features these were."""
    delete_rows(con, entity, raw_paths)
    deleted = con.execute(
        "delete from raw.ecg_run_feature where _raw_path in (select unnest(?))", [raw_paths]
    ).fetchone()
    con.execute(
        """
        delete from raw.ecg_run_similarity
        where _raw_path in (select unnest(?)) or other_raw_path in (select unnest(?))
        """,
        [raw_paths, raw_paths],
    )
    return deleted[0] if deleted else 0


# A signal whose turn it is, with the header that counts for it.
_Ready = tuple[PendingFile, RunHeader]
# Clinic and subject.
_Subject = tuple[str, str]


class _Transaction:
    """One transaction of the transform: read, filter, measure, write Parquet, insert rows."""

    def __init__(
        self, con: duckdb.DuckDBPyConnection, lake: Lake, load: LoadTransaction, advance: Callable[[int], None]
    ) -> None:
        self.con, self.lake, self.load, self.advance = con, lake, load, advance

    def run(self, files: list[_Ready]) -> None:
        parts: dict[str, list[TransformedRun]] = {}
        with ThreadPoolExecutor(THREADS) as pool:
            bunches, stored = _bunches(files), []
            transformed = pool.map(self._transform, range(len(bunches)), bunches)
            # Read while the threads work.
            earlier = self._earlier_signals({run_key_of(file)[:2] for file, _ in files})
            for bunch, of_bunch in zip(bunches, transformed, strict=True):
                self.advance(len(bunch))
                # Files are written while rows are inserted; both are done before the commit.
                stored += [pool.submit(self._store, path, part) for path, part in of_bunch.items()]
                parts |= of_bunch
            self._insert_rows(parts, earlier)
            for writing in stored:
                writing.result()
        for run in chain.from_iterable(parts.values()):
            self.load.results[run.signal.file.raw_path].row_count = 1

    def _transform(self, number: int, files: list[_Ready]) -> dict[str, list[TransformedRun]]:
        """Read and transform a bunch of files; gives the runs of each Parquet file that comes of them, by its path."""
        runs = [run for batch in batches(self._read(files)) for run in transform_signals(batch)]
        runs.sort(key=lambda run: run.signal.file.raw_path)
        return {
            part_path(delivery, self.load.load_id, number): list(group)
            for delivery, group in groupby(runs, key=lambda run: run.delivery)
        }

    def _read(self, files: list[_Ready]) -> Iterator[RunSignal]:
        """The signals of the files that hold one; notes what is wrong with the others."""
        contents = {}
        paths = [file.raw_path for file, _ in files]
        for path, content in zip(paths, self.lake.read_all(paths), strict=True):
            if isinstance(content, OSError):
                self.load.results[path].reason = f"it cannot be read ({content.strerror})"
            else:
                contents[path] = content
        signals = dict(zip(contents, read_signals(list(contents.values())), strict=True))
        for file, header in files:
            samples, outcome = signals.get(file.raw_path), self.load.results[file.raw_path]
            if samples is None:
                continue
            if isinstance(samples, BadSignal):
                outcome.rejected.append(RejectedRow(samples.line_number, samples.raw_text, samples.reason))
                continue
            duration_s = len(samples) / header.sampling_rate_hz
            if duration_s < MIN_DURATION_S:
                outcome.reason = (
                    f"it has {len(samples)} samples, {duration_s:.3f} s at {header.sampling_rate_hz:g} Hz: "
                    f"at least {MIN_DURATION_S:g} s are needed"
                )
                continue
            factor = MILLIVOLTS[header.units]
            yield RunSignal(file, header, samples if factor == 1 else samples * factor)

    def _store(self, path: str, runs: list[TransformedRun]) -> None:
        """Write signals of one delivery as a Parquet file."""
        columns = {
            "run_key": [run.signal.file.record_key for run in runs],
            "raw_path": [run.signal.file.raw_path for run in runs],
            "load_id": [self.load.load_id] * len(runs),
            "sampling_rate_hz": [run.signal.header.sampling_rate_hz for run in runs],
            "raw_mv": list_array([run.signal.raw_mv for run in runs]),
            "filtered_mv": list_array([run.filtered_mv for run in runs]),
            "r_peak_index": list_array([run.r_peak_index for run in runs]),
        }
        write_part(self.lake, path, columns)
        write_beats(self.lake, path, self._beat_columns(runs))

    def _beat_columns(self, runs: list[TransformedRun]) -> dict[str, Any]:
        """Beats of these runs, one after the other."""
        counts = [len(run.r_peak_index) for run in runs]
        index = np.concatenate([run.r_peak_index for run in runs])
        rate = np.repeat([run.signal.header.sampling_rate_hz for run in runs], counts)
        first = np.repeat(np.cumsum(counts) - counts, counts)
        figures = np.concatenate([run.beats for run in runs], axis=1)
        columns: dict[str, Any] = {
            "run_key": pa.array([run.signal.file.record_key for run in runs]).take(
                np.repeat(np.arange(len(runs)), counts)
            ),
            "raw_path": pa.array([run.signal.file.raw_path for run in runs]).take(
                np.repeat(np.arange(len(runs)), counts)
            ),
            "load_id": np.full(len(index), self.load.load_id),
            "beat_index": np.arange(len(index), dtype=np.int32) - first,
            "time_s": index / rate,
        }
        for name, values in zip(BEAT_FIGURES, figures, strict=True):
            columns[name] = values > 0 if name.startswith("is_") else pa.array(values, from_pandas=True)
        return columns

    def _insert_rows(
        self, parts: dict[str, list[TransformedRun]], earlier: dict[_Subject, list[FilteredSignal]]
    ) -> None:
        con, runs = self.con, [run for part in parts.values() for run in part]
        if not runs:
            return
        rows = [self._feature_row(run, path) for path, part in parts.items() for run in part]
        columns = {
            name: pa.array([row[name] for row in rows], _ARROW_TYPES[sql_type])
            for name, sql_type in ECG_RUN_FEATURE.columns.items()
        }
        insert_arrow(con, "insert into raw.ecg_run_feature by name select * from rows", pa.table(columns))
        self._insert_similarities(runs, earlier)

    def _feature_row(self, run: TransformedRun, signal_path: str) -> dict[str, object]:
        signal = run.signal
        clinic, subject, number = run.key
        return {
            "clinic": clinic,
            "delivery": signal.file.delivery,
            "subject": subject,
            "run": number,
            "header_raw_path": signal.header.raw_path,
            "sampling_rate_hz": signal.header.sampling_rate_hz,
            "units": signal.header.units,
            "sample_count": len(run.signal.raw_mv),
            "duration_s": len(run.signal.raw_mv) / signal.header.sampling_rate_hz,
            **run.features,
            "window_quality": run.window_quality,
            "template_mv": run.template_mv,
            "general_feature_names": list(run.general_features) or None,
            "general_feature_values": list(run.general_features.values()) or None,
            "is_usable": run.is_usable,
            "unusable_reason": run.unusable_reason,
            "signal_sha256": run.sha256,
            "signal_path": signal_path,
            "transform_version": VERSION,
            "_raw_path": signal.file.raw_path,
            "_row_number": 1,
            "_load_id": self.load.load_id,
            "_loaded_at": self.load.started_at,
        }

    def _insert_similarities(self, runs: list[TransformedRun], earlier: dict[_Subject, list[FilteredSignal]]) -> None:
        """Compare each new signal with the other signals of its subject."""
        rows: list[dict[str, object]] = []
        for (clinic, subject), group in groupby(sorted(runs, key=lambda run: run.key), key=lambda run: run.key[:2]):
            rows += similarity_rows(clinic, subject, list(group), earlier.get((clinic, subject), []))
        insert_arrow(
            self.con,
            """
            insert into raw.ecg_run_similarity by name
            select *, ? as transform_version, 1 as _row_number, ? as _load_id, ?::timestamp as _loaded_at from rows
            """,
            pa.Table.from_pylist(
                rows,
                schema=pa.schema(
                    [
                        ("clinic", pa.string()),
                        ("subject", pa.string()),
                        ("_raw_path", pa.string()),
                        ("other_raw_path", pa.string()),
                        ("correlation", pa.float64()),
                    ]
                ),
            ),
            [VERSION, self.load.load_id, self.load.started_at],
        )

    def _earlier_signals(self, subjects: set[_Subject]) -> dict[_Subject, list[FilteredSignal]]:
        """Filtered signals of these subjects that earlier transactions wrote."""
        clinics, names = zip(*subjects, strict=True)
        self.con.register("subjects", pa.table({"clinic": clinics, "subject": names}))
        rows = self.con.execute(
            """
            select signal_path, _raw_path, clinic, subject from raw.ecg_run_feature
            where is_usable and (clinic, subject) in (select (clinic, subject) from subjects)
            order by signal_path
            """
        ).fetchall()
        self.con.unregister("subjects")
        found: dict[_Subject, list[FilteredSignal]] = {}
        for signal_path, group in groupby(rows, key=lambda row: row[0]):
            subject_of = {raw_path: (clinic, subject) for _, raw_path, clinic, subject in group}
            for signal in read_filtered(self.lake, signal_path, list(subject_of)):
                found.setdefault(subject_of[signal.raw_path], []).append(signal)
        return found


_ARROW_TYPES = {
    "VARCHAR": pa.string(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "TIMESTAMP": pa.timestamp("us"),
    "DOUBLE[]": pa.list_(pa.float64()),
    "VARCHAR[]": pa.list_(pa.string()),
}


def _bunches(files: list[_Ready]) -> list[list[_Ready]]:
    """Files in bunches of about equal size, the same number for each thread unless there are but few."""
    ends = np.cumsum([file.size_bytes for file, _ in files])
    count = min(THREADS * math.ceil(ends[-1] / (THREADS * BUNCH_BYTES)), max(1, int(ends[-1]) // MIN_BUNCH_BYTES))
    stops = np.searchsorted(ends, ends[-1] * np.arange(1, count + 1) / count) + 1
    return [files[start:stop] for start, stop in pairwise([0, *stops.tolist()]) if start < stop]
