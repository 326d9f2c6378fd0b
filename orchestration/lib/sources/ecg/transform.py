"""Transform ECG signals: from pending CSV files to filtered Parquet files and features, each signal once.

A run is its latest header and its latest signal, also when these came in different deliveries. The signals of one
transaction are a batch: the Parquet files are written under a temporary name and renamed before the commit. A file that
no row names, because the transaction was killed, is removed by the next transform of its delivery.
"""

import logging
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, groupby, pairwise

import duckdb
import numpy as np

from orchestration.lib.catalog.load_queue import mark_for_reload
from orchestration.lib.catalog.load_report import LoadReport
from orchestration.lib.catalog.load_transaction import LoadTransaction, PendingFile, load_transaction
from orchestration.lib.contract.entity import RejectedRow
from orchestration.lib.core import progress
from orchestration.lib.lake.delivery import Delivery
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources.ecg import signal_queue
from orchestration.lib.sources.ecg.contract import ECG_RUN_SIGNAL
from orchestration.lib.sources.ecg.near_duplicates import similarity_rows, stored_signals
from orchestration.lib.sources.ecg.rows import (
    VERSION,
    RunSignal,
    TransformedRun,
    batches,
    beat_columns,
    feature_rows,
    refused_rows,
    run_key_of,
    signal_columns,
    transform_signals,
)
from orchestration.lib.sources.ecg.signal_csv import BadSignal, FloatArray, read_signals
from orchestration.lib.sources.ecg.signal_parquet import (
    part_path,
    prepare,
    remove_unreferenced,
    write_beats,
    write_part,
)
from orchestration.lib.sources.ecg.signal_queue import MIN_DURATION_S, PendingSignal
from orchestration.lib.warehouse.arrow import insert_arrow
from orchestration.lib.warehouse.connection import Warehouse, transaction

_LOG = logging.getLogger(__name__)
# Bytes of CSV in one transaction: about 500 runs of 20 s, 2 s of work that a kill can cost, 0.5 GB of memory.
TRANSACTION_BYTES = 32 * 2**20
# The most CSV that a thread reads and transforms at once, and that becomes a Parquet file: about 160 runs of 20 s at
# 500 Hz, 13 MB of samples. With a third of it the threads wait for each other more often: 288 runs take a tenth longer.
CHUNK_BYTES = 10 * 2**20
# Less than this, some eight runs, is not worth a thread and a file of its own.
MIN_CHUNK_BYTES = 2**19
# scipy's filters and numpy's loops let go of the interpreter: a second thread is a second core.
THREADS = min(4, os.cpu_count() or 1)
# Factor to millivolts.
MILLIVOLTS = {"mv": 1.0, "uv": 1e-3, "µv": 1e-3, "μv": 1e-3}


def transform_runs(
    lake: Lake,
    warehouse: Warehouse,
    deliveries: Sequence[Delivery] | None = None,
    reload: bool = False,
    recompute: bool = False,
    log: logging.Logger | None = None,
) -> LoadReport:
    """Transform every pending signal: to Parquet, ``raw.ecg_run_feature`` and ``raw.ecg_run_similarity``.

    Parameters
    ----------
    deliveries
        Transform only the signals of these (and signals of any delivery that waited for a header). Default: all.
    reload
        Transform the deliveries' signals anew.
    recompute
        Transform the signals anew that another version of the transforms has computed.
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
                    _mark_again(con, deliveries, reload, recompute)
                with transaction(con):
                    signals, remaining_count = signal_queue.next_signals(con, deliveries, report, TRANSACTION_BYTES)
                task.set_total(report.file_count + len(signals) + remaining_count)
                if signals:
                    _load_signals(con, lake, signals, report, task.advance)
                # Only now is it known which signals count: a duplicate makes an earlier content the current one again.
                is_first, is_last = False, remaining_count == 0 and not signal_queue.mark_outdated(con)
                if is_last:
                    # Rows now name the new files of signals that were transformed anew, and no longer the old ones.
                    remove_unreferenced(con, lake, deliveries)
            log.info("transformed %d ECG signals", report.file_count)
    report.seconds = time.monotonic() - started
    return report


def _mark_again(
    con: duckdb.DuckDBPyConnection, deliveries: Sequence[Delivery] | None, reload: bool, recompute: bool
) -> None:
    """Mark signals as pending that have been transformed before and are to be transformed anew."""
    if reload:
        mark_for_reload(con, ECG_RUN_SIGNAL, deliveries)
    if recompute:
        signal_queue.mark_other_version(con, deliveries, VERSION)


def _load_signals(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    signals: list[PendingSignal],
    report: LoadReport,
    advance: Callable[[int], None],
) -> None:
    """Transform signals and store the results, in one load transaction."""
    files = [signal.file for signal in signals]
    with (
        load_transaction(con, ECG_RUN_SIGNAL, files, report, signal_queue.delete_computed_rows) as load,
        ThreadPoolExecutor(THREADS) as pool,
    ):
        chunks = _Chunks(lake, load)
        parts: dict[str, list[TransformedRun]] = {}
        pieces, writes = _chunked(signals), []
        transformed = pool.map(chunks.transform, range(len(pieces)), pieces)
        # Read while the threads work.
        stored = stored_signals(con, lake, {run_key_of(file)[:2] for file in files})
        for piece, parts_of_piece in zip(pieces, transformed, strict=True):
            advance(len(piece))
            # Files are written while rows are inserted; both are done before the commit.
            writes += [pool.submit(chunks.write, path, runs) for path, runs in parts_of_piece.items()]
            parts |= parts_of_piece
        runs = list(chain.from_iterable(parts.values()))
        for run in runs:
            load.results[run.signal.file.raw_path].row_count = 1
        for table, rows in (
            ("raw.ecg_run_feature", feature_rows(parts, load)),
            ("raw.ecg_run_similarity", similarity_rows(runs, stored, load)),
            ("raw.ecg_refused_signal", refused_rows(chunks.refused, load)),
        ):
            insert_arrow(con, f"insert into {table} by name select * from rows", rows)
        for write in writes:
            write.result()


class _Chunks:
    """Reads and transforms the chunks of one load transaction, in several threads."""

    def __init__(self, lake: Lake, load: LoadTransaction) -> None:
        self._lake, self._load = lake, load
        # Signals that were refused as a whole, with their number of samples where they could be read.
        self.refused: list[tuple[PendingFile, int | None]] = []

    def transform(self, number: int, signals: list[PendingSignal]) -> dict[str, list[TransformedRun]]:
        """Read and transform a chunk; return the runs of each Parquet file that is made of it, by its path."""
        runs = [run for batch in batches(self._read(signals)) for run in transform_signals(batch)]
        runs.sort(key=lambda run: run.signal.file.raw_path)
        return {
            part_path(delivery, self._load.load_id, number): list(group)
            for delivery, group in groupby(runs, key=lambda run: run.delivery)
        }

    def write(self, path: str, runs: list[TransformedRun]) -> None:
        """Write signals of one delivery, and their beats, as Parquet files."""
        write_part(self._lake, path, signal_columns(runs, self._load.load_id))
        write_beats(self._lake, path, beat_columns(runs, self._load.load_id))

    def _read(self, signals: list[PendingSignal]) -> Iterator[RunSignal]:
        """Read the files that hold a signal, in millivolts; note in the results what is wrong with the others."""
        contents = {}
        paths = [signal.file.raw_path for signal in signals]
        for path, content in zip(paths, self._lake.read_all(paths), strict=True):
            if isinstance(content, OSError):
                self._load.results[path].reason = f"it cannot be read ({content.strerror})"
            else:
                contents[path] = content
        samples = dict(zip(contents, read_signals(list(contents.values())), strict=True))
        for signal in signals:
            samples_mv = self._checked(signal, samples.get(signal.file.raw_path))
            if samples_mv is not None:
                yield RunSignal(signal.file, signal.header, samples_mv)

    def _checked(self, signal: PendingSignal, samples: FloatArray | BadSignal | None) -> FloatArray | None:
        """Convert samples to millivolts; None, and a reason in the result, where they cannot be transformed."""
        result, rate_hz = self._load.results[signal.file.raw_path], signal.header.sampling_rate_hz
        if isinstance(samples, BadSignal):
            result.rejected.append(RejectedRow(samples.line_number, samples.raw_text, samples.reason))
            return None
        if samples is None:
            self.refused.append((signal.file, None))
            return None
        if len(samples) / rate_hz < MIN_DURATION_S:
            self.refused.append((signal.file, len(samples)))
            result.reason = (
                f"it has {len(samples)} samples, {len(samples) / rate_hz:.3f} s at {rate_hz:g} Hz: "
                f"at least {MIN_DURATION_S:g} s are needed"
            )
            return None
        factor = MILLIVOLTS[signal.header.units]
        return samples if factor == 1 else samples * factor


def _chunked(signals: list[PendingSignal]) -> list[list[PendingSignal]]:
    """Cut signals into chunks of about equal size, the same number for each thread unless there are but few."""
    ends = np.cumsum([signal.file.size_bytes for signal in signals])
    count = min(THREADS * math.ceil(ends[-1] / (THREADS * CHUNK_BYTES)), max(1, int(ends[-1]) // MIN_CHUNK_BYTES))
    stops = np.searchsorted(ends, ends[-1] * np.arange(1, count + 1) / count) + 1
    return [signals[start:stop] for start, stop in pairwise([0, *stops.tolist()]) if start < stop]
