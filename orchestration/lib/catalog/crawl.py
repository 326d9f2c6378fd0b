"""Crawl the lake: bring the catalog up to date, which has one row for each file ever seen."""

import logging
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import duckdb

from orchestration.lib.catalog.directories import (
    ListedDirectories,
    ModifiedNs,
    list_changed,
    remember,
    remembered_directories,
)
from orchestration.lib.catalog.file_rows import KnownFile, file_row, hash_entries, known_files, write_file_rows
from orchestration.lib.contract.entity import Entity
from orchestration.lib.core import progress
from orchestration.lib.core.clock import utc_now
from orchestration.lib.lake.delivery import SETTLE_SECONDS, Delivery, is_settled
from orchestration.lib.lake.directory import DirectoryEntry
from orchestration.lib.lake.files import Lake
from orchestration.lib.warehouse.connection import transaction


@dataclass
class CrawlReport:
    """Count the files that a crawl saw, and name the problems and the deliveries that changed."""

    new_count: int = 0
    changed_count: int = 0
    missing_count: int = 0
    unsettled_count: int = 0
    rejected_count: int = 0
    problems: list[str] = field(default_factory=list)
    changed_deliveries: set[Delivery] = field(default_factory=set)

    def reject(self, raw_path: str, problem: object) -> None:
        """Count a rejected file, or a directory that cannot be listed, and name the problem."""
        self.rejected_count += 1
        self.problems.append(f"{raw_path}: {problem}")


def crawl(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    entities: Sequence[Entity],
    deliveries: Sequence[Delivery] | None = None,
    settle_seconds: float = SETTLE_SECONDS,
    log: logging.Logger | None = None,
) -> CrawlReport:
    """Bring ``catalog.file`` up to date with the files of the deliveries (default: all of the measurement).

    ``entities`` are the kinds of file of one measurement.

    Only directories that changed since the last crawl are listed, so that old deliveries cost next to nothing; once a
    day each is listed all the same. Files that are still being written are left for the next crawl.
    """
    (measurement,) = {entity.measurement for entity in entities}
    selected = lake.deliveries(measurement) if deliveries is None else list(deliveries)
    report = CrawlReport()
    with transaction(con):
        remembered = remembered_directories(con, measurement)
        for delivery in selected:
            _crawl_delivery(con, lake, entities, delivery, remembered.get(delivery, {}), settle_seconds, report)
        if deliveries is None:
            _mark_gone_deliveries(con, measurement, selected, report)
    if log and report.unsettled_count:
        log.info("%d files of %s are still being written: left for the next crawl", report.unsettled_count, measurement)
    return report


def _crawl_delivery(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    entities: Sequence[Entity],
    delivery: Delivery,
    remembered: ModifiedNs,
    settle_seconds: float,
    report: CrawlReport,
) -> None:
    now = time.time()
    directories = list_changed(lake, entities, delivery, remembered, settle_seconds, now)
    if not (directories.listed or directories.unlisted or directories.gone):
        return
    report.changed_deliveries.add(delivery)
    for path, problem in directories.unlisted.items():
        report.reject(path, problem)
    known = known_files(con, delivery, [*directories.listed, *directories.gone])
    entries = directories.entries.values()
    settled = [entry for entry in entries if entry.problem or is_settled(entry.modified_ns, settle_seconds, now)]
    report.unsettled_count += len(entries) - len(settled)
    changed = [entry for entry in settled if not _is_known(entry, known)]
    _write_changed(con, lake, entities, delivery, changed, known, directories, report)
    con.execute(
        "update catalog.file set last_crawled_at = ? where raw_path in (select unnest(?))",
        [utc_now(), [entry.raw_path for entry in entries if _is_known(entry, known)]],
    )
    _mark_missing(con, known.keys() - directories.entries.keys(), report)
    remember(con, delivery, directories)


def _is_known(entry: DirectoryEntry, known: dict[str, KnownFile]) -> bool:
    return entry.raw_path in known and known[entry.raw_path].is_same(entry)


def _write_changed(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    entities: Sequence[Entity],
    delivery: Delivery,
    changed: list[DirectoryEntry],
    known: dict[str, KnownFile],
    directories: ListedDirectories,
    report: CrawlReport,
) -> None:
    """Hash the new and changed files, write their rows into the catalog, and count them."""
    rows = []
    with progress.task(f"Cataloguing {delivery.key}", total=len(changed)) as task:
        for hashed in hash_entries(lake, changed):
            task.advance()
            entry = hashed.entry
            if hashed.problem and not entry.problem:
                # It cannot be read now: its directory is listed again next time.
                directories.listed[entry.raw_path.rpartition("/")[0]] = None
            row = file_row(entities, delivery, hashed, known.get(entry.raw_path))
            report.new_count += entry.raw_path not in known
            report.changed_count += entry.raw_path in known and row["status"] == "pending"
            if row["status"] == "rejected":
                report.reject(entry.raw_path, row["reason"])
            rows.append(row)
    write_file_rows(con, delivery, rows)


def _mark_gone_deliveries(
    con: duckdb.DuckDBPyConnection, measurement: str, present: Sequence[Delivery], report: CrawlReport
) -> None:
    """Mark the files of deliveries that are no longer in the lake as missing."""
    known = con.execute(
        "select distinct clinic, measurement, delivery from catalog.file where measurement = ? and status != 'missing'",
        [measurement],
    ).fetchall()
    gone = {Delivery(*row) for row in known} - set(present)
    if not gone:
        return
    paths = con.execute(
        """
        select raw_path from catalog.file
        where
            measurement = ? and status != 'missing'
            and clinic || '/' || delivery in (select unnest(?))
        """,
        [measurement, [delivery.key for delivery in gone]],
    ).fetchall()
    _mark_missing(con, {path for (path,) in paths}, report)
    # A delivery that is moved back has its old modification times: it must be listed all the same.
    con.execute(
        """
        delete from catalog.directory
        where
            measurement = ?
            and clinic || '/' || delivery in (select unnest(?))
        """,
        [measurement, [delivery.key for delivery in gone]],
    )


def _mark_missing(con: duckdb.DuckDBPyConnection, paths: Collection[str], report: CrawlReport) -> None:
    if not paths:
        return
    report.missing_count += len(paths)
    con.execute(
        """
        update catalog.file
        set
            status = 'missing',
            reason = 'it is no longer in the lake' || if(row_count > 0, '; its rows stay', '')
        where raw_path in (select unnest(?)) and status != 'missing'
        """,
        [sorted(paths)],
    )
