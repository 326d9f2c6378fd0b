"""The catalog: one row for each file ever seen. The crawl keeps it; the loader decides from it what is still to do."""

import hashlib
import logging
import os
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import duckdb
import pyarrow as pa

from orchestration.lib.contract.entity import Entity, find_entity
from orchestration.lib.core import progress
from orchestration.lib.core.clock import utc_now
from orchestration.lib.lake.delivery import SETTLE_SECONDS, Delivery, is_settled
from orchestration.lib.lake.files import DirectoryEntry, DirectoryListing, Lake
from orchestration.lib.warehouse.arrow import insert_arrow
from orchestration.lib.warehouse.connection import transaction

# Coarsest step of a file system's clock that we rely on: a directory changed within it may change again unseen.
_CLOCK_STEP_SECONDS = 0.05
# A directory's time does not show that a file in it was written on in place, as by an upload that stalls and goes on.
# So each directory is looked into once a day all the same: 60,000 files take 0.5 s.
LOOK_AGAIN_SECONDS = 24 * 3600.0
# Files from this size on are hashed on every core: 1.5 GB took 3.0 s on one, 1.5 s on two. A smaller one is hashed in
# less than 1 ms: nothing to share.
_LARGE_BYTES = 1 << 20


@dataclass
class CrawlReport:
    """What a crawl saw. Counts are of files."""

    new_count: int = 0
    changed_count: int = 0
    missing_count: int = 0
    unsettled_count: int = 0
    rejected_count: int = 0
    problems: list[str] = field(default_factory=list)
    changed_deliveries: set[Delivery] = field(default_factory=set)


@dataclass(frozen=True)
class _Known:
    size_bytes: int
    modified_at: datetime
    content_hash: str | None
    status: str
    row_count: int | None


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

    Only directories that changed since the last crawl are looked into, so that old deliveries cost next to nothing;
    once a day each is looked into all the same. Files that are still being written are passed over; the next crawl
    finds them.
    """
    (measurement,) = {entity.measurement for entity in entities}
    chosen = lake.deliveries(measurement) if deliveries is None else list(deliveries)
    report = CrawlReport()
    with transaction(con):
        remembered = _remembered_directories(con, measurement)
        for delivery in chosen:
            _Crawl(con, lake, entities, delivery, settle_seconds, report).run(remembered.get(delivery, {}))
        if deliveries is None:
            _mark_gone_deliveries(con, measurement, chosen, report)
    if log and report.unsettled_count:
        log.info("%d files of %s are still being written: left for the next crawl", report.unsettled_count, measurement)
    return report


def _remembered_directories(con: duckdb.DuckDBPyConnection, measurement: str) -> dict[Delivery, dict[str, int | None]]:
    remembered: dict[Delivery, dict[str, int | None]] = {}
    for raw_path, clinic, delivery, modified_ns in con.execute(
        "select raw_path, clinic, delivery, if(looked_at > ?, modified_ns, null) from catalog.directory"
        " where measurement = ?",
        [utc_now() - timedelta(seconds=LOOK_AGAIN_SECONDS), measurement],
    ).fetchall():
        remembered.setdefault(Delivery(clinic, measurement, delivery), {})[raw_path] = modified_ns
    return remembered


class _Crawl:
    """The crawl of one delivery."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        lake: Lake,
        entities: Sequence[Entity],
        delivery: Delivery,
        settle_seconds: float,
        report: CrawlReport,
    ) -> None:
        self.con, self.lake, self.delivery, self.report = con, lake, delivery, report
        self.entities = entities
        self.settle_seconds = settle_seconds
        self.now = time.time()
        self.directories: dict[str, int | None] = {}
        self.unlisted: dict[str, None] = {}
        self.gone: list[str] = []
        self.entries: dict[str, DirectoryEntry] = {}

    def run(self, remembered: dict[str, int | None]) -> None:
        self._look(remembered)
        if not self.directories and not self.unlisted and not self.gone:
            return
        self.report.changed_deliveries.add(self.delivery)
        known = self._known_files()
        self._write_seen(known)
        self._write_missing(set(known) - set(self.entries))
        self._remember()

    def _look(self, remembered: dict[str, int | None]) -> None:
        """List every directory that is new or changed, and what is below it."""
        waiting = [
            path
            for path, modified_ns in (remembered or {self.delivery.path: None}).items()
            if modified_ns is None or self.lake.modified_ns(path) != modified_ns
        ]
        while waiting:
            path = waiting.pop()
            listing = self.lake.list_directory(path)
            if listing is None:
                self.gone.append(path)
                continue
            if listing.problem:
                self._report_unlisted(listing)
                continue
            is_quiet = self._add_entries(listing.entries)
            for directory in listing.directories:
                if directory not in remembered and directory not in self.directories:
                    waiting.append(directory)
                below = self._below(directory)
                if find_entity(self.entities, below):
                    problem = "it is a directory where a file is expected: deliver the file itself"
                    self.entries[directory] = DirectoryEntry(directory, 0, 0, problem)
            guard = max(self.settle_seconds, _CLOCK_STEP_SECONDS)
            is_quiet = is_quiet and is_settled(listing.modified_ns, guard, self.now)
            self.directories[path] = listing.modified_ns if is_quiet else None

    def _report_unlisted(self, listing: DirectoryListing) -> None:
        """Nothing is known of what is in it: what was known stands, and the next crawl looks again."""
        self.unlisted[listing.raw_path] = None
        self.report.rejected_count += 1
        self.report.problems.append(f"{listing.raw_path}: {listing.problem}")

    def _add_entries(self, entries: Iterable[DirectoryEntry]) -> bool:
        """Take the settled files; true if there was no other."""
        is_quiet = True
        for entry in entries:
            if entry.problem is None and not is_settled(entry.modified_ns, self.settle_seconds, self.now):
                self.report.unsettled_count += 1
                is_quiet = False
            # An unsettled file is listed too, so that one which was known does not pass for missing.
            self.entries[entry.raw_path] = entry
        return is_quiet

    def _below(self, raw_path: str) -> str:
        return raw_path.removeprefix(self.delivery.path + "/")

    def _remember(self) -> None:
        delivery = self.delivery
        seen = self.directories | self.unlisted
        self.con.execute("delete from catalog.directory where raw_path in (select unnest(?))", [[*seen, *self.gone]])
        rows = pa.table(
            {
                "raw_path": pa.array(seen.keys(), pa.string()),
                "modified_ns": pa.array(seen.values(), pa.int64()),
            }
        )
        insert_arrow(
            self.con,
            """
            insert into catalog.directory by name
            select *, ? as clinic, ? as measurement, ? as delivery, ?::timestamp as looked_at from rows
            """,
            rows,
            [delivery.clinic, delivery.measurement, delivery.name, utc_now()],
        )

    def _known_files(self) -> dict[str, _Known]:
        """Catalog rows of the files that stand, or stood, directly in the directories that were looked into."""
        rows = self.con.execute(
            """
            select raw_path, size_bytes, modified_at, content_hash, status, row_count
            from catalog.file
            where
                clinic = ? and measurement = ? and delivery = ?
                and raw_path[: -2 - length(split_part(raw_path, '/', -1))] in (select unnest(?))
            """,
            [*self.delivery, [*self.directories, *self.gone]],
        ).fetchall()
        return {raw_path: _Known(*rest) for raw_path, *rest in rows}

    def _write_seen(self, known: dict[str, _Known]) -> None:
        now = utc_now()
        seen: list[str] = []
        new: list[dict[str, object]] = []
        fresh = [entry for entry in self.entries.values() if not self._is_unchanged(entry, known.get(entry.raw_path))]
        with (
            progress.task(f"Cataloguing {self.delivery.key}", total=len(fresh)) as task,
            ThreadPoolExecutor(os.cpu_count()) as pool,
        ):
            settled = [
                entry
                for entry in fresh
                if entry.problem or is_settled(entry.modified_ns, self.settle_seconds, self.now)
            ]
            task.advance(len(fresh) - len(settled))
            large = pool.map(self._hash, [entry for entry in settled if entry.size_bytes >= _LARGE_BYTES])
            for entry in settled:
                task.advance()
                before = known.get(entry.raw_path)
                hashed = next(large) if entry.size_bytes >= _LARGE_BYTES else self._hash(entry)
                row = self._row(entry, before, now, *hashed)
                if before is None:
                    self.report.new_count += 1
                elif row["status"] == "pending":
                    self.report.changed_count += 1
                if row["status"] == "rejected":
                    self.report.rejected_count += 1
                    self.report.problems.append(f"{entry.raw_path}: {row['reason']}")
                new.append(row)
        fresh_paths = {entry.raw_path for entry in fresh}
        seen = [path for path in self.entries if path in known and path not in fresh_paths]
        self.con.execute(
            "update catalog.file set last_crawled_at = ? where raw_path in (select unnest(?))", [now, seen]
        )
        self._replace_rows(new)

    def _is_unchanged(self, entry: DirectoryEntry, known: _Known | None) -> bool:
        return (
            known is not None
            and known.status != "missing"
            and known.size_bytes == entry.size_bytes
            and known.modified_at == _timestamp(entry.modified_ns)
            and (known.content_hash is not None or entry.problem is not None)
        )

    def _row(
        self, entry: DirectoryEntry, before: _Known | None, now: datetime, content_hash: str | None, problem: str | None
    ) -> dict[str, object]:
        below = self._below(entry.raw_path)
        recognised = find_entity(self.entities, below)
        status, reason = "pending", None
        if problem is None and recognised is None:
            examples = " or ".join(entity.path_example for entity in self.entities)
            problem = f"its place and name are not those of a {self.delivery.measurement} file: expected {examples}"
        if problem is not None:
            status, reason = "rejected", problem
        elif before is not None and content_hash != before.content_hash and before.row_count:
            reason = "its content changed since it was loaded"
        elif before is not None and content_hash == before.content_hash:
            if before.status != "missing":
                status = before.status  # touched, not changed
            elif before.row_count:
                status = "loaded"
        return {
            "raw_path": entry.raw_path,
            "clinic": self.delivery.clinic,
            "measurement": self.delivery.measurement,
            "delivery": self.delivery.name,
            "entity": recognised[0].name if recognised else None,
            "record_key": self._record_key(recognised),
            "path_below": below,
            "size_bytes": entry.size_bytes,
            "modified_at": _timestamp(entry.modified_ns),
            "content_hash": content_hash,
            "last_crawled_at": now,
            # A file that changed counts for nothing until it is loaded anew, even if it goes missing before that.
            "row_count": before.row_count if before and content_hash == before.content_hash else None,
            "status": status,
            "reason": reason,
        }

    def _record_key(self, recognised: object) -> str | None:
        if not isinstance(recognised, tuple) or recognised[0].record_key is None:
            return None
        return f"{self.delivery.clinic}:{recognised[0].record_key(recognised[1])}"

    def _hash(self, entry: DirectoryEntry) -> tuple[str | None, str | None]:
        """SHA-256 of the file's bytes, or why they cannot be had."""
        if entry.problem is not None:
            return None, entry.problem
        try:
            with self.lake.open(entry.raw_path) as file:
                return hashlib.file_digest(file, "sha256").hexdigest(), None
        except OSError as error:
            self.directories[entry.raw_path.rpartition("/")[0]] = None  # to be looked into again
            return None, f"it cannot be read ({error.strerror}): mend that, and the next build takes it"

    def _replace_rows(self, rows: list[dict[str, object]]) -> None:
        if not rows:
            return
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        table = pa.table(
            {name: pa.array(values, _ARROW_TYPES.get(name, pa.string())) for name, values in columns.items()}
        )
        assignments = ", ".join(f"{name} = rows.{name}" for name in columns if name != "raw_path")
        # A reason that the loader gave (why a file waits, or was rejected) stands while the status does.
        assignments = assignments.replace(
            "reason = rows.reason", "reason = case when file.status = rows.status then file.reason else rows.reason end"
        )
        insert_arrow(
            self.con,
            f"update catalog.file as file set {assignments} from rows where file.raw_path = rows.raw_path",
            table,
        )
        insert_arrow(
            self.con,
            """
            insert into catalog.file by name
            select *, last_crawled_at as first_crawled_at from rows
            where raw_path not in (select raw_path from catalog.file where delivery = ?)
            """,
            table,
            [self.delivery.name],
        )

    def _write_missing(self, paths: set[str]) -> None:
        _mark_missing(self.con, paths, self.report)


# Types that Arrow would not infer from a column of nulls; text is the rest.
_ARROW_TYPES = {
    "size_bytes": pa.int64(),
    "row_count": pa.int64(),
    "modified_at": pa.timestamp("us"),
    "last_crawled_at": pa.timestamp("us"),
}


def _timestamp(modified_ns: int) -> datetime:
    return datetime.fromtimestamp(modified_ns // 1000 / 1e6, UTC).replace(tzinfo=None)


def _mark_gone_deliveries(
    con: duckdb.DuckDBPyConnection, measurement: str, present: Sequence[Delivery], report: CrawlReport
) -> None:
    """A delivery that is no longer in the lake: its files are missing."""
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
    # A delivery that is moved back has its old modification times: it must be looked into all the same.
    con.execute(
        """
        delete from catalog.directory
        where
            measurement = ?
            and clinic || '/' || delivery in (select unnest(?))
        """,
        [measurement, [delivery.key for delivery in gone]],
    )


def _mark_missing(con: duckdb.DuckDBPyConnection, paths: set[str], report: CrawlReport) -> None:
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
