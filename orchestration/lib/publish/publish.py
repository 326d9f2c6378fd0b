"""Publish: the marts, without personal data, into a file of their own that replaces the previous one at once.

Readers of ``published.duckdb`` never wait for a build and a build never waits for them: the new file is written beside
the old one and renamed over it, and whoever has the old one open keeps it.

A run of one source publishes that source's tables; the others' stay as they were last published, whatever has become
of them in the warehouse since. A table behind the gate of consent is published only while it knows of all that its
source has loaded: what came since may be a withdrawal. Else it is held back: published empty, until its source builds.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from orchestration.lib.core import progress
from orchestration.lib.publish.relations import PUBLICATION, SEEN_LOAD_ID, Relation, is_withheld, publishable, verify
from orchestration.lib.sources import MEASUREMENTS
from orchestration.lib.warehouse.connection import Warehouse


@dataclass(frozen=True)
class PublishReport:
    """What was published, how many rows of each relation, and which of them are empty because they are held back."""

    publication_id: str
    published_at: datetime
    path: Path
    row_counts: dict[str, int]
    held_back: list[str]
    seconds: float

    def as_metadata(self) -> dict[str, int | float | str]:
        """Figures for Dagster's UI."""
        return {
            "publication_id": self.publication_id,
            "relations": len(self.row_counts),
            "rows": sum(self.row_counts.values()),
            "held back": ", ".join(self.held_back) or "none",
            "bytes": self.path.stat().st_size,
            "seconds": round(self.seconds, 3),
        }


def publish(
    warehouse: Warehouse, published_path: Path, manifest_path: Path, measurements: Collection[str] | None = None
) -> PublishReport:
    """Write the marts to ``published_path`` and replace the file at once.

    Parameters
    ----------
    measurements
        Sources whose marts are taken from the warehouse, all from one state of it; those of others stay as published.
        Default: all.

    Raises
    ------
    PublishRefused
        If the new file would hold a column tagged ``contains_personal_data`` or one that the manifest does not know.
    """
    started = time.monotonic()
    relations = publishable(json.loads(manifest_path.read_text()))
    _remove_leftovers(published_path)
    next_path = published_path.with_name(f".{published_path.name}.{os.getpid()}.next")
    try:
        publication_id, published_at, row_counts, held_back = _write(
            warehouse, next_path, published_path, relations, MEASUREMENTS if measurements is None else measurements
        )
        verify(next_path, relations)
        # Personal health data, even without names: its owner's alone.
        next_path.chmod(0o600)
        _replace(next_path, published_path)
    finally:
        next_path.unlink(missing_ok=True)
        next_path.with_name(next_path.name + ".wal").unlink(missing_ok=True)
    seconds = time.monotonic() - started
    return PublishReport(publication_id, published_at, published_path, row_counts, held_back, seconds)


def withhold_gated(warehouse: Warehouse, published_path: Path, manifest_path: Path) -> list[str]:
    """After a build that failed: empty what may hold somebody who has withdrawn. Returns the names of these tables."""
    if not published_path.exists():
        return []
    relations = publishable(json.loads(manifest_path.read_text()))
    with warehouse.read() as con, _previous(con, published_path):
        taken_late = _outdated(con, relations, _load_ids(con))
        held_back = sorted(taken_late & set(_present_columns(con, relations, "previous")))
    if held_back:
        publish(warehouse, published_path, manifest_path, measurements=())
    return held_back


def published_row_counts(published_path: Path) -> dict[str, int]:
    """Rows by relation of the current publication; empty where there is none or it cannot be read."""
    if not published_path.exists():
        return {}
    try:
        with duckdb.connect(str(published_path), read_only=True) as con:
            return dict(con.execute(f"select relation, row_count from {PUBLICATION}").fetchall())
    except duckdb.Error:
        return {}


def _write(
    warehouse: Warehouse,
    next_path: Path,
    published_path: Path,
    relations: Mapping[str, Relation],
    measurements: Collection[str],
) -> tuple[str, datetime, dict[str, int], list[str]]:
    """Copy what may be published, from one snapshot of the warehouse or the publication before, into a new file."""
    publication_id, published_at = str(uuid.uuid4()), datetime.now(UTC).replace(tzinfo=None)
    row_counts: dict[str, int] = {}
    with warehouse.read() as con, _previous(con, published_path):
        con.execute(f"attach {_text(str(next_path))} as next (read_write)")
        con.execute("begin transaction")
        sources = _sources(con, relations, measurements)
        with progress.task("Publishing marts", total=len(sources)) as task:
            for source in sources:
                row_counts[source.relation.name] = _copy(con, source)
                task.advance()
        con.execute("create schema if not exists next.catalog")
        con.execute(
            f"create table next.{PUBLICATION} "
            "(publication_id varchar, published_at timestamp, relation varchar, row_count bigint, load_id bigint)"
        )
        con.executemany(
            f"insert into next.{PUBLICATION} values (?, ?, ?, ?, ?)",
            [
                (publication_id, published_at, each.relation.name, row_counts[each.relation.name], each.load_id)
                for each in sources
            ],
        )
        con.execute("commit")
        con.execute("checkpoint next")
        con.execute("detach next")
    return publication_id, published_at, row_counts, [each.relation.name for each in sources if each.is_held_back]


@contextmanager
def _previous(con: duckdb.DuckDBPyConnection, published_path: Path) -> Iterator[None]:
    """Attach the publication before as ``previous``; without it, if there is none or it is no database any more."""
    with ExitStack() as stack:
        if published_path.exists():
            try:
                con.execute(f"attach {_text(str(published_path))} as previous (read_only)")
            except duckdb.Error:
                # Somebody has opened it for writing, as DuckDB's own shell does: nobody holds a copy without a name.
                copy = stack.enter_context(tempfile.TemporaryFile(dir=published_path.parent))
                with published_path.open("rb") as published, suppress(duckdb.Error):
                    shutil.copyfileobj(published, copy)
                    copy.flush()
                    con.execute(f"attach '/proc/self/fd/{copy.fileno()}' as previous (read_only)")
        yield


@dataclass(frozen=True)
class _Source:
    """Where a relation is copied from; ``load_id`` is the latest load that it knows of."""

    relation: Relation
    database: str
    column_names: list[str]
    load_id: int
    is_held_back: bool = False


def _sources(
    con: duckdb.DuckDBPyConnection, relations: Mapping[str, Relation], measurements: Collection[str]
) -> list[_Source]:
    """Where each relation comes from that is to be published, by name."""
    row = con.execute("select current_database(), (select coalesce(max(load_id), 0) from catalog.load)").fetchone()
    assert row is not None
    warehouse, load_id = row
    built_from, taken_at = _seen_load_ids(con, relations, warehouse, load_id), _load_ids(con)
    built_late, taken_late = _outdated(con, relations, built_from), _outdated(con, relations, taken_at)
    is_new = {
        name: relation.measurement is None or relation.measurement in measurements
        for name, relation in relations.items()
    }
    found = [
        _Source(
            relations[name],
            warehouse,
            names,
            built_from.get(name, 0) if relations[name].is_gated else load_id,
            name in built_late,
        )
        for name, names in _present_columns(con, relations, warehouse).items()
        if is_new[name]
    ]
    for name, names in _present_columns(con, relations, "previous").items():
        # What was published before the YAML changed does not hold up what is built now: it goes without such columns.
        relation = relations[name]
        harmless = [each for each in names if each.lower() in relation.columns and not is_withheld(relation, each)]
        if harmless and not is_new[name]:
            found.append(_Source(relation, "previous", harmless, taken_at.get(name, 0), name in taken_late))
    return sorted(found, key=lambda source: source.relation.name)


def _seen_load_ids(
    con: duckdb.DuckDBPyConnection, relations: Mapping[str, Relation], warehouse: str, newest_load_id: int
) -> dict[str, int]:
    """Read the newest load that each gated table of the warehouse has seen.

    A table without rows counts as one that has seen all: it can show nobody. One without the column, which an older
    version has built, is left out.
    """
    gated = [name for name, relation in relations.items() if relation.is_gated]
    load_ids = {}
    for name, column_names in _present_columns(con, gated, warehouse).items():
        if SEEN_LOAD_ID in column_names:
            row = con.execute(f"select coalesce(max({SEEN_LOAD_ID}), ?) from {name}", [newest_load_id]).fetchone()
            assert row is not None
            load_ids[name] = row[0]
    return load_ids


def _load_ids(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """The latest load that each relation of the previous publication knows of; empty where it does not say so."""
    if "load_id" not in _present_columns(con, [PUBLICATION], "previous").get(PUBLICATION, []):
        return {}
    return dict(con.execute(f"select relation, load_id from previous.{PUBLICATION}").fetchall())


def _outdated(
    con: duckdb.DuckDBPyConnection, relations: Mapping[str, Relation], load_ids: Mapping[str, int]
) -> set[str]:
    """Gated relations that do not know of their source's latest load: it may say that somebody withdrew."""
    latest = dict(con.execute("select measurement, max(load_id) from catalog.load group by measurement").fetchall())
    return {
        name
        for name, relation in relations.items()
        if relation.is_gated and latest.get(relation.measurement, 0) > load_ids.get(name, 0)
    }


def _present_columns(con: duckdb.DuckDBPyConnection, names: Iterable[str], database: str) -> dict[str, list[str]]:
    """Columns, in their order, of those relations that an attached database has."""
    rows = con.execute(
        "select lower(schema_name || '.' || table_name) as name, list(column_name order by column_index) "
        "from duckdb_columns() where database_name = ? and not internal group by name order by name",
        [database],
    ).fetchall()
    wanted = set(names)
    return {name: columns for name, columns in rows if name in wanted}


def _copy(con: duckdb.DuckDBPyConnection, source: _Source) -> int:
    """Copy a relation without its withheld columns, with its descriptions as comments; return its number of rows."""
    relation = source.relation
    kept = [name for name in source.column_names if not is_withheld(relation, name)]
    schema, table = map(_name, relation.name.split("."))
    con.execute(f"create schema if not exists next.{schema}")
    con.execute(
        f"create table next.{schema}.{table} as select {', '.join(map(_name, kept))} "
        f"from {_name(source.database)}.{schema}.{table} where {not source.is_held_back}"
    )
    description = ("Held back until its source builds. " if source.is_held_back else "") + relation.description
    if description:
        con.execute(f"comment on table next.{schema}.{table} is {_text(description)}")
    for name in kept:
        column = relation.columns.get(name.lower())
        if column and column.description:
            con.execute(f"comment on column next.{schema}.{table}.{_name(name)} is {_text(column.description)}")
    row = con.execute(f"select count(*) from next.{schema}.{table}").fetchone()
    assert row is not None
    return int(row[0])


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _text(value: str) -> str:
    """A text literal, where DuckDB takes no parameter."""
    return "'" + value.replace("'", "''") + "'"


def _replace(next_path: Path, published_path: Path) -> None:
    """Rename over the old file: its content is on disk before the name changes, the name afterwards."""
    _to_disk(next_path)
    next_path.replace(published_path)
    _to_disk(published_path.parent)


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_leftovers(published_path: Path) -> None:
    """Delete half-written files whose process was killed."""
    for path in published_path.parent.glob(f".{published_path.name}.*.next*"):
        pid = path.name.removeprefix(f".{published_path.name}.").split(".")[0]
        if not Path(f"/proc/{pid}").exists() or int(pid) == os.getpid():
            path.unlink(missing_ok=True)
