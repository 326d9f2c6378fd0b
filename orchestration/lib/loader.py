"""Exactly-once loading: pending files become raw rows, refused rows and catalog updates in one transaction.

Killed at any instant, the next run ends with the same tables as a run that was never killed: what was committed is not
done again, and what was not committed left no trace.
"""

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import duckdb
import pyarrow as pa

from orchestration.lib import progress, readers
from orchestration.lib.catalog import CrawlReport, crawl, insert_arrow, utc_now
from orchestration.lib.lake import SETTLE_SECONDS, Delivery, Lake
from orchestration.lib.sources import Entity
from orchestration.lib.warehouse import Warehouse, transaction

_LOG = logging.getLogger(__name__)

# DuckDB spends about 0.2 ms on opening a file, Python 5 us on reading it and 10 us on a record: below this size reading
# file by file is faster (measured: 20,000 headers 0.5 s against 3.6 s), above it DuckDB's parallel reader is.
BULK_BYTES = 256 * 1024
# Characters that DuckDB would take for a pattern in a file's name.
_GLOB = frozenset("*?[]{}")
# Records that the bulk gear looks at to name unknown fields: reading every key of every record would double its cost.
_UNKNOWN_FIELD_SAMPLE = 20_000


@dataclass
class LoadReport:
    """What a load did. ``row_count`` and ``rejected_count`` are rows, the other counts files."""

    file_count: int = 0
    row_count: int = 0
    rejected_count: int = 0
    rejected_file_count: int = 0
    duplicate_count: int = 0
    waiting_count: int = 0
    unsettled_count: int = 0
    seconds: float = 0.0
    unknown_fields: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def as_metadata(self) -> dict[str, int | float | str]:
        """The figures that a Dagster asset shows."""
        return {
            "files": self.file_count,
            "rows": self.row_count,
            "rejected rows": self.rejected_count,
            "rejected files": self.rejected_file_count,
            "duplicate files": self.duplicate_count,
            "waiting files": self.waiting_count,
            "seconds": round(self.seconds, 3),
            "unknown fields": ", ".join(self.unknown_fields) or "none",
        }

    def add(self, outcomes: Iterable["Outcome"]) -> None:
        """Count what became of files."""
        for outcome in outcomes:
            self.file_count += 1
            self.row_count += outcome.row_count
            self.rejected_count += len(outcome.rejected)
            self.rejected_file_count += outcome.status == "rejected"
            self.problems += [outcome.describe(row) for row in outcome.rejected]
            if outcome.status == "rejected" and not outcome.rejected:
                self.problems.append(f"{outcome.raw_path}: {outcome.reason}")


@dataclass(frozen=True)
class ChosenFile:
    """A file whose turn it is."""

    raw_path: str
    clinic: str
    delivery: str
    path_below: str
    record_key: str | None
    size_bytes: int
    content_hash: str


@dataclass(frozen=True)
class RejectedRow:
    """A piece of a file that was refused."""

    line_number: int
    raw_text: str
    reason: str


@dataclass
class Outcome:
    """What became of one file."""

    raw_path: str
    row_count: int = 0
    rejected: list[RejectedRow] = field(default_factory=list)
    reason: str | None = None

    @property
    def status(self) -> str:
        return "loaded" if self.row_count else "rejected"

    def describe(self, row: RejectedRow) -> str:
        """One line that names file, line and reason."""
        return f"{self.raw_path}:{row.line_number}: {row.reason}"


def load(
    entity: Entity,
    lake: Lake,
    warehouse: Warehouse,
    deliveries: Sequence[Delivery] | None = None,
    reload: bool = False,
    settle_seconds: float = SETTLE_SECONDS,
    log: logging.Logger | None = None,
) -> LoadReport:
    """Load every pending file of an entity into its raw table, once.

    Parameters
    ----------
    deliveries
        Load only these (and files of any delivery that waited for a partner). Default: all.
    reload
        Load the deliveries' files anew, replacing their rows.
    """
    started = time.monotonic()
    log = log or _LOG
    crawled = crawl(lake, warehouse, entity.measurement, deliveries, settle_seconds, log)
    report = report_of_crawl(crawled, entity)
    with warehouse.write() as con:
        if reload:
            mark_for_reload(con, entity, deliveries)
        with transaction(con):
            files = choose_files(con, entity, deliveries, report)
            if files:
                begun = begin_load(con)
                _Loading(con, entity, lake, begun, report, log).run(files)
    report.seconds = time.monotonic() - started
    return report


def report_of_crawl(crawled: CrawlReport, entity: Entity) -> LoadReport:
    """Begin a report with what the crawl refused: files that are none of this measurement's, links and the like."""
    return LoadReport(
        rejected_file_count=crawled.rejected_count,
        unsettled_count=crawled.unsettled_count,
        problems=list(crawled.problems),
    )


@dataclass(frozen=True)
class BegunLoad:
    """A load transaction under way."""

    load_id: int
    started_at: datetime


def begin_load(con: duckdb.DuckDBPyConnection) -> BegunLoad:
    """Take the next load id. It is taken for good when the transaction commits."""
    row = con.execute("select coalesce(max(load_id), 0) + 1 from catalog.load").fetchone()
    assert row is not None
    return BegunLoad(row[0], utc_now())


def mark_for_reload(con: duckdb.DuckDBPyConnection, entity: Entity, deliveries: Sequence[Delivery] | None) -> None:
    """Make the files of the deliveries pending again. Their rows stand until the load replaces them."""
    con.execute(
        f"""
        update catalog.file set status = 'pending', reason = 'reload'
        where measurement = ? and entity = ? and status in ('loaded', 'rejected', 'duplicate')
            and {_in_deliveries(deliveries)}
        """,
        [entity.measurement, entity.name, *_delivery_parameter(deliveries)],
    )


def choose_files(
    con: duckdb.DuckDBPyConnection, entity: Entity, deliveries: Sequence[Delivery] | None, report: LoadReport
) -> list[ChosenFile]:
    """The files whose turn it is, by delivery and path; marks duplicates and files whose partner has not come.

    Of files with the same content under the same path below their delivery, the first is loaded.
    """
    con.execute(
        f"""
        create or replace temp table candidate as
        select raw_path, clinic, delivery, path_below, record_key, size_bytes, content_hash
        from catalog.file
        where measurement = ? and entity = ?
            and (status = 'waiting' or (status = 'pending' and {_in_deliveries(deliveries)}))
        """,
        [entity.measurement, entity.name, *_delivery_parameter(deliveries)],
    )
    _mark_duplicates(con, entity, report)
    if entity.partner:
        _mark_waiting(con, entity, report)
    rows = con.execute(
        """
        select raw_path, clinic, delivery, path_below, record_key, size_bytes, content_hash
        from candidate order by clinic, delivery, raw_path
        """
    ).fetchall()
    return [ChosenFile(*row) for row in rows]


def _in_deliveries(deliveries: Sequence[Delivery] | None) -> str:
    return "true" if deliveries is None else "clinic || '/' || delivery in (select unnest(?))"


def _delivery_parameter(deliveries: Sequence[Delivery] | None) -> list[list[str]]:
    return [] if deliveries is None else [[delivery.key for delivery in deliveries]]


def _mark_duplicates(con: duckdb.DuckDBPyConnection, entity: Entity, report: LoadReport) -> None:
    """A candidate is a duplicate if its content is loaded, or comes from an earlier candidate, for the same path."""
    duplicates = con.execute(
        """
        with original as (
            select raw_path, clinic, path_below, content_hash, 0 as place
            from catalog.file
            where measurement = ? and entity = ? and status in ('loaded', 'missing') and row_count > 0
                and content_hash in (select content_hash from candidate)
            union all
            select raw_path, clinic, path_below, content_hash, 1 as place from candidate
        ),
        ranked as (
            select
                raw_path,
                place,
                first_value(raw_path) over same_content as original_path,
                row_number() over same_content as number
            from original
            window same_content as (partition by clinic, path_below, content_hash order by place, raw_path)
        )
        select raw_path, original_path from ranked where place = 1 and number > 1
        """,
        [entity.measurement, entity.name],
    ).fetchall()
    if not duplicates:
        return
    report.duplicate_count += len(duplicates)
    rows = pa.table(
        {
            "raw_path": [path for path, _ in duplicates],
            "reason": [f"the same content as {original}" for _, original in duplicates],
        }
    )
    insert_arrow(
        con,
        """
        update catalog.file as file
        set status = 'duplicate', reason = rows.reason, processed_at = ?, row_count = 0, rejected_count = 0
        from rows where file.raw_path = rows.raw_path
        """,
        rows,
        [utc_now()],
    )
    insert_arrow(con, "delete from candidate where raw_path in (select raw_path from rows)", rows)
    _delete_rows(con, entity, [path for path, _ in duplicates])


def _mark_waiting(con: duckdb.DuckDBPyConnection, entity: Entity, report: LoadReport) -> None:
    waiting = con.execute(
        """
        select raw_path from candidate
        where record_key not in (
            select record_key from catalog.file where measurement = ? and entity = ? and status != 'missing'
        )
        """,
        [entity.measurement, entity.partner],
    ).fetchall()
    mark_waiting(con, [path for (path,) in waiting], f"its {entity.partner} has not come", report)


def mark_waiting(con: duckdb.DuckDBPyConnection, raw_paths: list[str], reason: str, report: LoadReport) -> None:
    """Let files wait for what they need; takes them from the candidates."""
    if not raw_paths:
        return
    report.waiting_count += len(raw_paths)
    con.execute(
        "update catalog.file set status = 'waiting', reason = ? where raw_path in (select unnest(?))",
        [reason, raw_paths],
    )
    con.execute("delete from candidate where raw_path in (select unnest(?))", [raw_paths])


def _delete_rows(con: duckdb.DuckDBPyConnection, entity: Entity, raw_paths: list[str]) -> None:
    """Remove what an earlier load made of these files (they changed, or are loaded anew)."""
    if entity.fields:
        con.execute(f"delete from {entity.table.name} where _raw_path in (select unnest(?))", [raw_paths])
    con.execute("delete from catalog.rejected_row where raw_path in (select unnest(?))", [raw_paths])


def finish_load(
    con: duckdb.DuckDBPyConnection,
    entity: Entity,
    begun: BegunLoad,
    files: Sequence[ChosenFile],
    outcomes: Sequence[Outcome],
    unknown_fields: Sequence[str] = (),
) -> None:
    """Write what became of the files into the catalog, in the transaction that wrote their rows."""
    finished_at = utc_now()
    rows = pa.table(
        {
            "raw_path": [outcome.raw_path for outcome in outcomes],
            "status": [outcome.status for outcome in outcomes],
            "reason": pa.array([_file_reason(outcome) for outcome in outcomes], pa.string()),
            "row_count": [outcome.row_count for outcome in outcomes],
            "rejected_count": [len(outcome.rejected) for outcome in outcomes],
        }
    )
    insert_arrow(
        con,
        """
        update catalog.file as file
        set
            status = rows.status,
            reason = rows.reason,
            row_count = rows.row_count,
            rejected_count = rows.rejected_count,
            processed_at = ?,
            load_id = ?
        from rows where file.raw_path = rows.raw_path
        """,
        rows,
        [finished_at, begun.load_id],
    )
    # What is a duplicate of a refused file is refused for the same reason.
    insert_arrow(
        con,
        """
        update catalog.file as file
        set status = 'rejected', reason = original.reason
        from (
            select file.* from catalog.file inner join rows using (raw_path) where file.status = 'rejected'
        ) as original
        where file.status = 'duplicate' and file.measurement = original.measurement and file.clinic = original.clinic
            and file.entity = original.entity and file.path_below = original.path_below
            and file.content_hash = original.content_hash
        """,
        rows,
    )
    rejected = [(outcome.raw_path, row) for outcome in outcomes for row in outcome.rejected]
    insert_arrow(
        con,
        "insert into catalog.rejected_row by name select *, ? as load_id from rows",
        pa.table(
            {
                "raw_path": pa.array([path for path, _ in rejected], pa.string()),
                "line_number": pa.array([row.line_number for _, row in rejected], pa.int64()),
                "raw_text": pa.array([row.raw_text for _, row in rejected], pa.string()),
                "reason": pa.array([row.reason for _, row in rejected], pa.string()),
            }
        ),
        [begun.load_id],
    )
    con.execute(
        "insert into catalog.load values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            begun.load_id,
            entity.measurement,
            entity.name,
            sorted({f"{file.clinic}/{file.delivery}" for file in files}),
            begun.started_at,
            finished_at,
            len(outcomes),
            sum(outcome.row_count for outcome in outcomes),
            sum(len(outcome.rejected) for outcome in outcomes),
            list(unknown_fields),
        ],
    )


def _file_reason(outcome: Outcome) -> str | None:
    if outcome.status == "loaded":
        return None
    return outcome.reason or (f"line {outcome.rejected[0].line_number}: {outcome.rejected[0].reason}")


class _Loading:
    """One load transaction of one entity."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        entity: Entity,
        lake: Lake,
        begun: BegunLoad,
        report: LoadReport,
        log: logging.Logger,
    ) -> None:
        self.con, self.entity, self.lake, self.begun = con, entity, lake, begun
        self.report, self.log = report, log
        self.unknown_fields: set[str] = set()
        columns, problem = readers.typing_sql(entity, begun.started_at.date().isoformat())
        self.typed_columns, self.problem = ", ".join(columns), problem

    def run(self, files: list[ChosenFile]) -> None:
        self.outcomes = {file.raw_path: Outcome(file.raw_path) for file in files}
        _delete_rows(self.con, self.entity, list(self.outcomes))
        names = ", ".join(f'null::{item.type} as "{item.name}"' for item in self.entity.fields)
        self.con.execute(
            f"""
            create or replace temp table typed as
            select ''::varchar as raw_path, 0::bigint as row_number, 0::bigint as line_number, ''::varchar as raw_text,
                {names}, ''::varchar as problem
            where false
            """
        )
        bulk = [file for file in files if file.size_bytes >= BULK_BYTES and not _GLOB & set(file.raw_path)]
        careful = sorted(set(files) - set(bulk), key=lambda file: file.raw_path)
        with progress.task(f"Loading {self.entity.table.name}", total=len(files)) as task:
            if bulk:
                careful += self._read_in_bulk(bulk)
                task.advance(len(files) - len(careful))
            for chunk in _chunks(careful):
                self._read_carefully(chunk)
                task.advance(len(chunk))
        self._insert_rows(files)
        outcomes = list(self.outcomes.values())
        unknown = sorted(self.unknown_fields)
        if unknown:
            self.log.warning(
                "%s: fields that the contract does not know: %s", self.entity.table.name, ", ".join(unknown)
            )
        finish_load(self.con, self.entity, self.begun, files, outcomes, unknown)
        self.report.add(outcomes)
        self.report.unknown_fields += unknown

    def _read_in_bulk(self, files: list[ChosenFile]) -> list[ChosenFile]:
        """Read large files with DuckDB; gives back those that need a careful look."""
        try:
            self.con.execute(
                f"""
                create or replace temp table bulk as
                select filename[{len(str(self.lake.root)) + 2}:] as raw_path, position, {self.typed_columns},
                    {self.problem} as problem
                from ({readers.bulk_sql(self.entity, [str(self.lake.path(file.raw_path)) for file in files])})
                """
            )
        except duckdb.Error:
            # One file that DuckDB cannot read fails them all: halve until it stands alone.
            if len(files) == 1:
                return files
            middle = len(files) // 2
            return self._read_in_bulk(files[:middle]) + self._read_in_bulk(files[middle:])
        found = self.con.execute("select raw_path, bool_or(problem is not null) from bulk group by raw_path").fetchall()
        clean = {path for path, has_problem in found if not has_problem}
        self.con.execute(
            """
            insert into typed by name
            select bulk.* exclude (position), position - first_position + 1 as row_number
            from bulk
            inner join (select raw_path, min(position) as first_position from bulk group by raw_path) using (raw_path)
            where raw_path in (select unnest(?))
            """,
            [sorted(clean)],
        )
        self._note_unknown_fields([file for file in files if file.raw_path in clean])
        return [file for file in files if file.raw_path not in clean]

    def _note_unknown_fields(self, files: list[ChosenFile]) -> None:
        if not files:
            return
        keys = self.con.execute(
            """
            select distinct unnest(json_keys(json))
            from (select json from read_json_objects(?, format = 'auto', ignore_errors = true) limit ?)
            where json_type(json) = 'OBJECT'
            """,
            [[str(self.lake.path(file.raw_path)) for file in files], _UNKNOWN_FIELD_SAMPLE],
        ).fetchall()
        self.unknown_fields |= {key for (key,) in keys} - set(readers.value_columns(self.entity))

    def _read_carefully(self, files: list[ChosenFile]) -> None:
        keys = readers.value_columns(self.entity)
        texts: dict[str, list[str | None]] = {key: [] for key in keys}
        paths: list[str] = []
        numbers: list[int] = []
        lines: list[int] = []
        raw_texts: list[str] = []
        for file in files:
            for number, record in enumerate(self._records(file), start=1):
                if record.problem:
                    row = RejectedRow(record.line_number, record.raw_text, record.problem)
                    self.outcomes[file.raw_path].rejected.append(row)
                    continue
                self.unknown_fields |= record.values.keys() - texts.keys()
                for key in keys:
                    texts[key].append(record.values.get(key))
                paths.append(file.raw_path)
                numbers.append(number)
                lines.append(record.line_number)
                raw_texts.append(record.raw_text)
        rows = pa.table(
            {
                "raw_path": pa.array(paths, pa.string()),
                "row_number": pa.array(numbers, pa.int64()),
                "line_number": pa.array(lines, pa.int64()),
                "raw_text": pa.array(raw_texts, pa.string()),
            }
            | {key: pa.array(values, pa.string()) for key, values in texts.items()}
        )
        insert_arrow(
            self.con,
            f"""
            insert into typed by name
            select raw_path, row_number, line_number, raw_text, {self.typed_columns}, {self.problem} as problem from rows
            """,
            rows,
        )

    def _records(self, file: ChosenFile) -> Iterator[readers.Record]:
        outcome = self.outcomes[file.raw_path]
        try:
            content = self.lake.read_bytes(file.raw_path)
        except OSError as error:
            outcome.reason = f"it cannot be read ({error.strerror})"
            return
        count = 0
        for record in readers.scan_records(content):
            count += 1
            if count > 1 and self.entity.is_single_record and not record.problem:
                problem = "this file holds one object, and this is another"
                record = readers.Record(record.line_number, record.raw_text, {}, problem)
            yield record
        if not count:
            outcome.reason = "it is empty: expected JSON objects"

    def _insert_rows(self, files: list[ChosenFile]) -> None:
        """Insert the good rows, with what the path says of them; note the others."""
        entity = self.entity
        for path, line_number, raw_text, problem in self.con.execute(
            "select raw_path, line_number, raw_text, problem from typed where problem is not null order by all"
        ).fetchall():
            self.outcomes[path].rejected.append(RejectedRow(line_number, raw_text, problem))
        for path, count in self.con.execute(
            "select raw_path, count(*) from typed where problem is null group by raw_path"
        ).fetchall():
            self.outcomes[path].row_count = count
        for outcome in self.outcomes.values():
            outcome.rejected.sort(key=lambda row: row.line_number)
            if not outcome.row_count and not outcome.rejected and outcome.reason is None:
                outcome.reason = "it holds no record"
        paths = pa.table(
            {
                "raw_path": [file.raw_path for file in files],
                "clinic": [file.clinic for file in files],
                "delivery": [file.delivery for file in files],
            }
            | {name: [_from_path(entity, name, file) for file in files] for name in entity.path_columns}
        )
        names = ", ".join(f'typed."{item.name}"' for item in entity.fields)
        insert_arrow(
            self.con,
            f"""
            insert into {entity.table.name} by name
            select rows.* exclude (raw_path), {names}, typed.raw_path as _raw_path, typed.row_number as _row_number,
                ? as _load_id, ?::timestamp as _loaded_at
            from typed
            inner join rows on rows.raw_path = typed.raw_path
            where typed.problem is null
            """,
            paths,
            [self.begun.load_id, self.begun.started_at],
        )


def _from_path(entity: Entity, name: str, file: ChosenFile) -> object:
    match = entity.match(file.path_below)
    assert match is not None, f"the catalog says that {file.raw_path} is a {entity.name}"
    return entity.path_columns[name][1](match)


def _chunks(
    files: Sequence[ChosenFile], size_bytes: int = 64 * 2**20, count: int = 2_000
) -> Iterator[list[ChosenFile]]:
    """Files in groups of bounded size, so that memory does not grow with the delivery."""
    chunk: list[ChosenFile] = []
    total = 0
    for file in files:
        if chunk and (total + file.size_bytes > size_bytes or len(chunk) == count):
            yield chunk
            chunk, total = [], 0
        chunk.append(file)
        total += file.size_bytes
    if chunk:
        yield chunk
