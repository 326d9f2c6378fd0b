"""Decide the catalog's row of each new or changed file: its content hash, its entity, and its status."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb
import pyarrow as pa

from orchestration.lib.contract.entity import Entity, find_entity
from orchestration.lib.core.clock import utc_now
from orchestration.lib.lake.delivery import Delivery
from orchestration.lib.lake.directory import DirectoryEntry
from orchestration.lib.lake.files import Lake
from orchestration.lib.warehouse.arrow import insert_arrow

# Files from this size on are hashed on every core: 1.5 GB took 3.0 s on one, 1.5 s on two. A smaller one is hashed in
# less than 1 ms: nothing to share.
_LARGE_BYTES = 1 << 20
# Types that Arrow would not infer from a column of nulls; text is the rest.
_ARROW_TYPES = {
    "size_bytes": pa.int64(),
    "row_count": pa.int64(),
    "modified_at": pa.timestamp("us"),
    "last_crawled_at": pa.timestamp("us"),
}


@dataclass(frozen=True)
class KnownFile:
    """A file as the catalog knows it."""

    size_bytes: int
    modified_at: datetime
    content_hash: str | None
    status: str
    row_count: int | None

    def is_same(self, entry: DirectoryEntry) -> bool:
        """Return whether the file in the lake is this one, by its size and modification time."""
        return (
            self.status != "missing"
            and self.size_bytes == entry.size_bytes
            and self.modified_at == _timestamp(entry.modified_ns)
            and (self.content_hash is not None or entry.problem is not None)
        )


@dataclass(frozen=True)
class HashedEntry:
    """An entry with the SHA-256 of its bytes, or the problem why there is none."""

    entry: DirectoryEntry
    content_hash: str | None
    problem: str | None


def known_files(con: duckdb.DuckDBPyConnection, delivery: Delivery, directories: list[str]) -> dict[str, KnownFile]:
    """Read the files that the catalog knows directly in these directories of a delivery, by path."""
    rows = con.execute(
        """
        select raw_path, size_bytes, modified_at, content_hash, status, row_count
        from catalog.file
        where
            clinic = ? and measurement = ? and delivery = ?
            and raw_path[: -2 - length(split_part(raw_path, '/', -1))] in (select unnest(?))
        """,
        [*delivery, directories],
    ).fetchall()
    return {raw_path: KnownFile(*rest) for raw_path, *rest in rows}


def hash_entries(lake: Lake, entries: Sequence[DirectoryEntry]) -> Iterator[HashedEntry]:
    """Hash the files one after the other, large ones on every core."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        large = pool.map(
            lambda entry: _hash(lake, entry), [entry for entry in entries if entry.size_bytes >= _LARGE_BYTES]
        )
        for entry in entries:
            yield next(large) if entry.size_bytes >= _LARGE_BYTES else _hash(lake, entry)


def _hash(lake: Lake, entry: DirectoryEntry) -> HashedEntry:
    if entry.problem is not None:
        return HashedEntry(entry, None, entry.problem)
    try:
        with lake.open(entry.raw_path) as file:
            return HashedEntry(entry, hashlib.file_digest(file, "sha256").hexdigest(), None)
    except OSError as error:
        problem = f"it cannot be read ({error.strerror}): mend that, and the next build takes it"
        return HashedEntry(entry, None, problem)


def file_row(
    entities: Sequence[Entity], delivery: Delivery, hashed: HashedEntry, known: KnownFile | None
) -> dict[str, object]:
    """Decide the catalog's row of a file that is new or changed."""
    entry, content_hash = hashed.entry, hashed.content_hash
    path_below = entry.raw_path.removeprefix(delivery.path + "/")
    matched = find_entity(entities, path_below)
    problem = hashed.problem
    if problem is None and matched is None:
        examples = " or ".join(entity.path_example for entity in entities)
        problem = f"its place and name are not those of a {delivery.measurement} file: expected {examples}"
    status, reason = _status(problem, content_hash, known)
    record_key = None
    if matched and matched[0].record_key is not None:
        record_key = f"{delivery.clinic}:{matched[0].record_key(matched[1])}"
    return {
        "raw_path": entry.raw_path,
        "clinic": delivery.clinic,
        "measurement": delivery.measurement,
        "delivery": delivery.name,
        "entity": matched[0].name if matched else None,
        "record_key": record_key,
        "path_below": path_below,
        "size_bytes": entry.size_bytes,
        "modified_at": _timestamp(entry.modified_ns),
        "content_hash": content_hash,
        # A file that changed counts for nothing until it is loaded anew, even if it goes missing before that.
        "row_count": known.row_count if known and content_hash == known.content_hash else None,
        "status": status,
        "reason": reason,
    }


def _status(problem: str | None, content_hash: str | None, known: KnownFile | None) -> tuple[str, str | None]:
    """Decide status and reason of a new or changed file."""
    if problem is not None:
        return "rejected", problem
    if known is None:
        return "pending", None
    if content_hash != known.content_hash:
        return "pending", "its content changed since it was loaded" if known.row_count else None
    if known.status != "missing":
        return known.status, None  # touched, not changed
    return "loaded" if known.row_count else "pending", None


def _timestamp(modified_ns: int) -> datetime:
    return datetime.fromtimestamp(modified_ns // 1000 / 1e6, UTC).replace(tzinfo=None)


def write_file_rows(con: duckdb.DuckDBPyConnection, delivery: Delivery, rows: list[dict[str, object]]) -> None:
    """Update the rows of known files, and insert those of new ones."""
    if not rows:
        return
    columns = {name: [row[name] for row in rows] for name in rows[0]} | {"last_crawled_at": [utc_now()] * len(rows)}
    table = pa.table({name: pa.array(values, _ARROW_TYPES.get(name, pa.string())) for name, values in columns.items()})
    assignments = ", ".join(f"{name} = rows.{name}" for name in columns if name not in ("raw_path", "reason"))
    # A reason that the loader gave (why a file waits, or was rejected) stands while the status does.
    insert_arrow(
        con,
        f"""
        update catalog.file as file
        set {assignments}, reason = case when file.status = rows.status then file.reason else rows.reason end
        from rows where file.raw_path = rows.raw_path
        """,
        table,
    )
    insert_arrow(
        con,
        """
        insert into catalog.file by name
        select *, last_crawled_at as first_crawled_at from rows
        where raw_path not in (select raw_path from catalog.file where delivery = ?)
        """,
        table,
        [delivery.name],
    )
