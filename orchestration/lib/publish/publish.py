"""Publish the marts, without personal data, into a file of their own that replaces the previous one at once.

Readers of ``published.duckdb`` never wait for a build and a build never waits for them: the new file is written beside
the old one and renamed over it, and a reader that has the old one open keeps it.

A run of one source publishes that source's tables; those of other sources stay as published, whatever has changed in
the warehouse since. A gated table is published only if it has seen all loads of its source: a later load may withdraw
a consent. Otherwise it is withheld: published empty, until its source builds.
"""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from orchestration.lib.core import progress
from orchestration.lib.core.clock import utc_now
from orchestration.lib.core.files import write_atomically
from orchestration.lib.core.sql import quote_name, quote_text
from orchestration.lib.modelling.manifest import Relation, publishable, read_manifest
from orchestration.lib.publish.relations import PUBLICATION, SEEN_LOAD_ID, is_unpublished, verify
from orchestration.lib.sources import MEASUREMENTS
from orchestration.lib.warehouse.connection import Warehouse


@dataclass(frozen=True)
class PublishReport:
    """The result of publishing: the rows of each relation, and the names of those that are withheld."""

    publication_id: str
    published_at: datetime
    path: Path
    row_counts: dict[str, int]
    withheld: list[str]
    seconds: float

    def as_metadata(self) -> dict[str, int | float | str]:
        """Return figures for Dagster's UI."""
        return {
            "publication_id": self.publication_id,
            "relations": len(self.row_counts),
            "rows": sum(self.row_counts.values()),
            "withheld": ", ".join(self.withheld) or "none",
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
    relations = publishable(read_manifest(manifest_path))
    publication_id, published_at = str(uuid.uuid4()), utc_now()
    sources: list[_Source] = []
    row_counts: dict[str, int] = {}

    def write(next_path: Path) -> None:
        with warehouse.read() as con, _previous(con, published_path):
            con.execute(f"attach {quote_text(str(next_path))} as next (read_write)")
            con.execute("begin transaction")
            sources.extend(_sources(con, relations, MEASUREMENTS if measurements is None else measurements))
            row_counts.update(_copy_all(con, sources))
            _write_publication(con, publication_id, published_at, sources, row_counts)
            con.execute("commit")
            con.execute("checkpoint next")
            con.execute("detach next")
        verify(next_path, relations)
        # Personal health data, even without names: only the owner may read it.
        next_path.chmod(0o600)

    write_atomically(published_path, write)
    withheld = [source.relation.name for source in sources if source.is_withheld]
    seconds = time.monotonic() - started
    return PublishReport(publication_id, published_at, published_path, row_counts, withheld, seconds)


def withhold_gated(warehouse: Warehouse, published_path: Path, manifest_path: Path) -> list[str]:
    """Empty the gated tables of the published file that have not seen all loads of their source; return their names.

    For a build that failed and therefore does not publish: a load may have withdrawn a consent.
    """
    if not published_path.exists():
        return []
    relations = publishable(read_manifest(manifest_path))
    with warehouse.read() as con, _previous(con, published_path):
        outdated = _outdated(con, relations, _load_ids(con))
        withheld = sorted(outdated & set(_present_columns(con, relations, "previous")))
    if withheld:
        publish(warehouse, published_path, manifest_path, measurements=())
    return withheld


def published_row_counts(published_path: Path) -> dict[str, int]:
    """Read the rows by relation of the current publication; none where it is missing or cannot be read."""
    if not published_path.exists():
        return {}
    try:
        with duckdb.connect(str(published_path), read_only=True) as con:
            return dict(con.execute(f"select relation, row_count from {PUBLICATION}").fetchall())
    except duckdb.Error:
        return {}


def _copy_all(con: duckdb.DuckDBPyConnection, sources: Sequence[_Source]) -> dict[str, int]:
    """Copy every relation into the new file; return their rows."""
    row_counts = {}
    with progress.task("Publishing marts", total=len(sources)) as task:
        for source in sources:
            row_counts[source.relation.name] = _copy(con, source)
            task.advance()
    return row_counts


def _write_publication(
    con: duckdb.DuckDBPyConnection,
    publication_id: str,
    published_at: datetime,
    sources: Iterable[_Source],
    row_counts: Mapping[str, int],
) -> None:
    """Write the table that lists the published relations."""
    con.execute("create schema if not exists next.catalog")
    con.execute(
        f"create table next.{PUBLICATION} "
        "(publication_id varchar, published_at timestamp, relation varchar, row_count bigint, load_id bigint)"
    )
    con.executemany(
        f"insert into next.{PUBLICATION} values (?, ?, ?, ?, ?)",
        [
            (publication_id, published_at, source.relation.name, row_counts[source.relation.name], source.load_id)
            for source in sources
        ],
    )


@contextmanager
def _previous(con: duckdb.DuckDBPyConnection, published_path: Path) -> Iterator[None]:
    """Attach the publication before as ``previous``, unless there is none or it cannot be read."""
    with ExitStack() as stack:
        if published_path.exists():
            try:
                con.execute(f"attach {quote_text(str(published_path))} as previous (read_only)")
            except duckdb.Error:
                # Another process, such as DuckDB's own shell, has it open for writing: attach a copy. It has a name:
                # DuckDB 2.0 opens no file without one. After a kill it is removed like an unfinished publication.
                copy = published_path.with_name(f".{published_path.name}.{os.getpid()}.tmp-previous")
                stack.callback(copy.unlink, missing_ok=True)
                shutil.copy(published_path, copy)
                with suppress(duckdb.Error):
                    con.execute(f"attach {quote_text(str(copy))} as previous (read_only)")
        yield


@dataclass(frozen=True)
class _Source:
    """The origin of a relation's copy; ``load_id`` is the newest load that it has seen."""

    relation: Relation
    database: str
    column_names: list[str]
    load_id: int
    is_withheld: bool = False


def _sources(
    con: duckdb.DuckDBPyConnection, relations: Mapping[str, Relation], measurements: Collection[str]
) -> list[_Source]:
    """Select where each relation is copied from: the warehouse, or the publication before; sorted by name."""
    row = con.execute("select current_database(), (select coalesce(max(load_id), 0) from catalog.load)").fetchone()
    assert row is not None
    warehouse, load_id = row
    built, published = _seen_load_ids(con, relations, warehouse, load_id), _load_ids(con)
    outdated_built, outdated_published = _outdated(con, relations, built), _outdated(con, relations, published)
    is_new = {
        name: relation.measurement is None or relation.measurement in measurements
        for name, relation in relations.items()
    }
    sources = [
        _Source(
            relations[name],
            warehouse,
            names,
            built.get(name, 0) if relations[name].is_gated else load_id,
            name in outdated_built,
        )
        for name, names in _present_columns(con, relations, warehouse).items()
        if is_new[name]
    ]
    for name, names in _present_columns(con, relations, "previous").items():
        # A column that was published before the YAML changed does not stop this publication: it is left out.
        relation = relations[name]
        harmless = [
            column for column in names if column.lower() in relation.columns and not is_unpublished(relation, column)
        ]
        if harmless and not is_new[name]:
            is_withheld = name in outdated_published
            sources.append(_Source(relation, "previous", harmless, published.get(name, 0), is_withheld))
    return sorted(sources, key=lambda source: source.relation.name)


def _seen_load_ids(
    con: duckdb.DuckDBPyConnection, relations: Mapping[str, Relation], warehouse: str, newest_load_id: int
) -> dict[str, int]:
    """Read the newest load that each gated table of the warehouse has seen.

    A table without rows counts as one that has seen all loads, since it shows no person. A table without the column,
    which an older version has built, is left out.
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
    """Read the newest load that each relation of the previous publication has seen; empty where it does not say so."""
    if "load_id" not in _present_columns(con, [PUBLICATION], "previous").get(PUBLICATION, []):
        return {}
    return dict(con.execute(f"select relation, load_id from previous.{PUBLICATION}").fetchall())


def _outdated(
    con: duckdb.DuckDBPyConnection, relations: Mapping[str, Relation], load_ids: Mapping[str, int]
) -> set[str]:
    """Name the gated relations that have not seen the newest load of their source: it may withdraw a consent."""
    newest = dict(con.execute("select measurement, max(load_id) from catalog.load group by measurement").fetchall())
    return {
        name
        for name, relation in relations.items()
        if relation.is_gated and newest.get(relation.measurement, 0) > load_ids.get(name, 0)
    }


def _present_columns(con: duckdb.DuckDBPyConnection, names: Iterable[str], database: str) -> dict[str, list[str]]:
    """List the columns, in their order, of those relations that an attached database has."""
    rows = con.execute(
        "select lower(schema_name || '.' || table_name) as name, list(column_name order by column_index) "
        "from duckdb_columns() where database_name = ? and not internal group by name order by name",
        [database],
    ).fetchall()
    requested = set(names)
    return {name: columns for name, columns in rows if name in requested}


def _copy(con: duckdb.DuckDBPyConnection, source: _Source) -> int:
    """Copy a relation without its unpublished columns, with its descriptions as comments; return its number of rows."""
    relation = source.relation
    kept = [name for name in source.column_names if not is_unpublished(relation, name)]
    schema, table = map(quote_name, relation.name.split("."))
    con.execute(f"create schema if not exists next.{schema}")
    con.execute(
        f"create table next.{schema}.{table} as select {', '.join(map(quote_name, kept))} "
        f"from {quote_name(source.database)}.{schema}.{table} where {not source.is_withheld}"
    )
    description = ("Withheld until its source builds. " if source.is_withheld else "") + relation.description
    if description:
        con.execute(f"comment on table next.{schema}.{table} is {quote_text(description)}")
    for name in kept:
        column = relation.columns.get(name.lower())
        if column and column.description:
            comment = quote_text(column.description)
            con.execute(f"comment on column next.{schema}.{table}.{quote_name(name)} is {comment}")
    row = con.execute(f"select count(*) from next.{schema}.{table}").fetchone()
    assert row is not None
    return int(row[0])
