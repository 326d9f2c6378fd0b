"""Select the ECG signals to transform, each with its run's current header, and delete their outdated results."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import duckdb

from orchestration.lib.catalog import load_queue
from orchestration.lib.catalog.load_report import LoadReport
from orchestration.lib.catalog.load_transaction import PendingFile, delete_rows
from orchestration.lib.contract.entity import Entity
from orchestration.lib.lake.delivery import Delivery
from orchestration.lib.sources.ecg.contract import ECG_RUN_SIGNAL

# The least that a heart rate and a filter of 0.5 Hz need.
MIN_DURATION_S = 2.0


@dataclass(frozen=True)
class RunHeader:
    """The sampling rate and unit with which a signal is read, from the run's current header."""

    raw_path: str
    sampling_rate_hz: float
    units: str


@dataclass(frozen=True)
class PendingSignal:
    """A signal file that is to be transformed, and the header that counts for it."""

    file: PendingFile
    header: RunHeader


def next_signals(
    con: duckdb.DuckDBPyConnection, deliveries: Sequence[Delivery] | None, report: LoadReport, max_bytes: int
) -> tuple[list[PendingSignal], int]:
    """Select the signals of the next transaction and count those that remain; signals without a valid header wait.

    Parameters
    ----------
    max_bytes
        Size of the files of one transaction; a larger file has a transaction of its own.
    """
    report.waiting_count = 0
    files = load_queue.select_pending_files(con, ECG_RUN_SIGNAL, deliveries, report, delete_computed_rows)
    headers = _current_headers(con, [str(file.record_key) for file in files])
    without_header = [file.raw_path for file in files if file.record_key not in headers]
    load_queue.mark_waiting(con, without_header, "its header has not come, or was rejected", report)
    ready = [PendingSignal(file, headers[file.record_key]) for file in files if file.record_key in headers]
    ends = list(accumulate(signal.file.size_bytes for signal in ready))
    count = max(bisect_right(ends, max_bytes), 1)
    return ready[:count], max(len(ready) - count, 0)


def _current_headers(con: duckdb.DuckDBPyConnection, record_keys: list[str]) -> dict[str | None, RunHeader]:
    """Read the header that counts for each run, as `catalog.delivered_content` decides it."""
    rows = con.execute(
        """
        select content.record_key, header._raw_path, header.fs, lower(trim(header.units))
        from raw.ecg_run_header as header
        inner join catalog.delivered_content as content on content.raw_path = header._raw_path
        where content.entity = 'run_header' and content.is_current and list_contains(?, content.record_key)
        """,
        [record_keys],
    ).fetchall()
    return {record_key: RunHeader(*columns) for record_key, *columns in rows}


def delete_computed_rows(con: duckdb.DuckDBPyConnection, entity: Entity, raw_paths: list[str]) -> int:
    """Delete the rows that an earlier transform made of these signals; return how many features these were."""
    delete_rows(con, entity, raw_paths)
    con.execute("delete from raw.ecg_refused_signal where _raw_path in (select unnest(?))", [raw_paths])
    con.execute(
        """
        delete from raw.ecg_run_similarity
        where _raw_path in (select unnest(?)) or other_raw_path in (select unnest(?))
        """,
        [raw_paths, raw_paths],
    )
    deleted = con.execute(
        "delete from raw.ecg_run_feature where _raw_path in (select unnest(?))", [raw_paths]
    ).fetchone()
    return deleted[0] if deleted else 0


def mark_other_version(
    con: duckdb.DuckDBPyConnection, deliveries: Sequence[Delivery] | None, transform_version: str
) -> None:
    """Mark the signals as pending that another version of the transforms has computed."""
    keys = None if deliveries is None else [delivery.key for delivery in deliveries]
    con.execute(
        """
        update catalog.file set status = 'pending', reason = 'another version of the transforms'
        where status = 'loaded' and raw_path in (
            select _raw_path from raw.ecg_run_feature
            where transform_version != ? and (? is null or clinic || '/' || delivery in (select unnest(?)))
        )
        """,
        [transform_version, keys, keys or []],
    )


def mark_outdated(con: duckdb.DuckDBPyConnection) -> bool:
    """Mark the signals as waiting that are to be read again; return whether there are any.

    These are signals that were read with a rate or unit that another header has corrected, in whatever delivery they
    lie: waiting, not pending, since pending files are taken of chosen deliveries only.
    """
    outdated = _with_other_header(con)
    long_enough, unmeasured = _refused_signals(con)
    _mark_waiting(con, outdated + long_enough, "a later header has another sampling rate or unit")
    _mark_waiting(con, unmeasured, "its number of samples is not known")
    return bool(outdated or long_enough or unmeasured)


def _with_other_header(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Find features that the current header of their run contradicts; superseded ones too, which may be current again.

    Rarely does any header of the run contradict them, and that is cheap to ask.
    """
    rows = con.execute(
        """
        select distinct file.raw_path, file.record_key, feature.sampling_rate_hz, feature.units
        from raw.ecg_run_feature as feature
        inner join raw.ecg_run_header as header using (clinic, subject, run)
        inner join catalog.file as file on file.raw_path = feature._raw_path
        where feature.sampling_rate_hz != header.fs or feature.units != lower(trim(header.units))
        """
    ).fetchall()
    headers = _current_headers(con, [record_key for _, record_key, *_ in rows]) if rows else {}
    return [
        raw_path
        for raw_path, record_key, sampling_rate_hz, units in rows
        if (header := headers.get(record_key)) and (header.sampling_rate_hz, header.units) != (sampling_rate_hz, units)
    ]


def _refused_signals(con: duckdb.DuckDBPyConnection) -> tuple[list[str], list[str]]:
    """Find signals that were too short and are long enough at the rate of their current header; and unmeasured ones.

    A duplicate of a refused signal is refused with it, and has its number of samples. Unmeasured are signals that were
    refused as a whole by a version that did not store the number.
    """
    rows = con.execute(
        """
        select
            file.raw_path,
            file.record_key,
            coalesce(signal.sample_count, max(signal.sample_count) over same_content) as sample_count,
            file.load_id is not null
            and count(signal._raw_path) over same_content = 0
            and max(file.rejected_count) over same_content = 0 as is_unmeasured
        from catalog.file as file
        left join raw.ecg_refused_signal as signal on signal._raw_path = file.raw_path
        where file.measurement = 'ecg' and file.entity = 'run_signal' and file.status = 'rejected'
            and file.content_hash is not null
        window same_content as (partition by file.clinic, file.path_below, file.content_hash)
        """
    ).fetchall()
    counts = {(raw_path, record_key): count for raw_path, record_key, count, _ in rows if count is not None}
    headers = _current_headers(con, [record_key for _, record_key in counts]) if counts else {}
    long_enough = [
        raw_path
        for (raw_path, record_key), count in counts.items()
        if (header := headers.get(record_key)) and count / header.sampling_rate_hz >= MIN_DURATION_S
    ]
    return long_enough, [raw_path for raw_path, *_, is_unmeasured in rows if is_unmeasured]


def _mark_waiting(con: duckdb.DuckDBPyConnection, raw_paths: list[str], reason: str) -> None:
    if raw_paths:
        con.execute(
            "update catalog.file set status = 'waiting', reason = ? where raw_path in (select unnest(?))",
            [reason, raw_paths],
        )
