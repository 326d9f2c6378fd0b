"""Publish: the marts, without personal data, into a file of their own that replaces the previous one at once.

Readers of ``published.duckdb`` never wait for a build and a build never waits for them: the new file is written beside
the old one and renamed over it, and whoever has the old one open keeps it.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.lib import progress
from orchestration.lib.errors import VitalhouseError
from orchestration.lib.warehouse import Warehouse

PUBLICATION = "catalog.publication"


class PublishRefused(VitalhouseError):
    """What would have been published holds, or may hold, personal data. The previous publication stays."""


@dataclass(frozen=True)
class Column:
    """A column as dbt's manifest describes it."""

    name: str
    description: str = ""
    contains_personal_data: bool = False


@dataclass(frozen=True)
class Relation:
    """A table or view that may be published, as dbt's manifest describes it; ``columns`` by lower-case name."""

    name: str
    description: str = ""
    columns: Mapping[str, Column] = field(default_factory=dict)


@dataclass(frozen=True)
class PublishReport:
    """What was published, and how many rows of each relation."""

    publication_id: str
    published_at: datetime
    path: Path
    row_counts: dict[str, int]
    seconds: float

    def as_metadata(self) -> dict[str, int | float | str]:
        """Figures for Dagster's UI."""
        return {
            "publication_id": self.publication_id,
            "relations": len(self.row_counts),
            "rows": sum(self.row_counts.values()),
            "bytes": self.path.stat().st_size,
            "seconds": round(self.seconds, 3),
        }


def publish(warehouse: Warehouse, published_path: Path, manifest_path: Path) -> PublishReport:
    """Write the marts to ``published_path``, all from one state of the warehouse, and replace the file at once.

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
        publication_id, published_at, row_counts = _write(warehouse, next_path, relations)
        verify(next_path, relations)
        # Personal health data, even without names: its owner's alone.
        next_path.chmod(0o600)
        _replace(next_path, published_path)
    finally:
        next_path.unlink(missing_ok=True)
        next_path.with_name(next_path.name + ".wal").unlink(missing_ok=True)
    return PublishReport(publication_id, published_at, published_path, row_counts, time.monotonic() - started)


def publishable(manifest: Mapping[str, Any]) -> dict[str, Relation]:
    """Relations that may be published, by name: every mart not held back, and each source that asks for it.

    A mart is a model under ``models/marts/``; its meta ``published: false`` keeps it back. A source table is published
    only where its meta says ``published: true``.
    """
    chosen = [
        node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
        and node["fqn"][1] == "marts"
        and node["config"].get("materialized") != "ephemeral"
        and _meta(node).get("published", True) is not False
    ]
    chosen += [node for node in manifest["sources"].values() if _meta(node).get("published") is True]
    relations = (_relation(node) for node in chosen)
    return {relation.name: relation for relation in sorted(relations, key=lambda relation: relation.name)}


def verify(path: Path, relations: Mapping[str, Relation]) -> None:
    """Read a file's columns back and refuse it if anything in it is tagged, held back or unknown.

    Raises
    ------
    PublishRefused
        Naming the first such relation or column and what to do.
    """
    with duckdb.connect(str(path), read_only=True) as con:
        found = con.execute(
            "select lower(schema_name || '.' || table_name), column_name from duckdb_columns() "
            "where database_name = current_database() and not internal"
        ).fetchall()
    for relation_name, column_name in found:
        if relation_name == PUBLICATION:
            continue
        relation = relations.get(relation_name)
        if relation is None:
            raise PublishRefused(
                f"publish refused: {relation_name} is not a mart that dbt's manifest allows to be published"
            )
        _refuse_unless_harmless(relation, column_name)


def published_row_counts(published_path: Path) -> dict[str, int]:
    """Rows by relation of the current publication; empty where there is none or it cannot be read."""
    if not published_path.exists():
        return {}
    try:
        with duckdb.connect(str(published_path), read_only=True) as con:
            return dict(con.execute(f"select relation, row_count from {PUBLICATION}").fetchall())
    except duckdb.Error:
        return {}


def _relation(node: Mapping[str, Any]) -> Relation:
    columns = [
        Column(name, column.get("description", ""), _meta(column).get("contains_personal_data", False) is not False)
        for name, column in node["columns"].items()
    ]
    name = f"{node['schema']}.{node.get('alias') or node['identifier']}".lower()
    return Relation(name, node.get("description", ""), {column.name.lower(): column for column in columns})


def _meta(node: Mapping[str, Any]) -> dict[str, Any]:
    """Meta of a node or a column, which dbt keeps in two places."""
    return {**(node.get("meta") or {}), **((node.get("config") or {}).get("meta") or {})}


def _refuse_unless_harmless(relation: Relation, column_name: str) -> None:
    column = relation.columns.get(column_name.lower())
    if column is None:
        raise PublishRefused(
            f"publish refused: column {column_name} of {relation.name} is not described in the model's YAML, so nobody "
            "said whether it holds personal data. Describe it there and build again"
        )
    if column.contains_personal_data:
        raise PublishRefused(
            f"publish refused: column {column_name} of {relation.name} is tagged contains_personal_data"
        )


def _write(
    warehouse: Warehouse, next_path: Path, relations: Mapping[str, Relation]
) -> tuple[str, datetime, dict[str, int]]:
    """Copy what may be published from one snapshot of the warehouse into a new file."""
    publication_id, published_at = str(uuid.uuid4()), datetime.now(UTC).replace(tzinfo=None)
    row_counts: dict[str, int] = {}
    with warehouse.read() as con:
        con.execute(f"attach {_text(str(next_path))} as next (read_write)")
        con.execute("begin transaction")
        present = _present_columns(con, relations)
        with progress.task("Publishing marts", total=len(present)) as task:
            for name, column_names in present.items():
                row_counts[name] = _copy(con, relations[name], column_names)
                task.advance()
        con.execute("create schema if not exists next.catalog")
        con.execute(
            f"create table next.{PUBLICATION} "
            "(publication_id varchar, published_at timestamp, relation varchar, row_count bigint)"
        )
        for name, row_count in row_counts.items():
            con.execute(
                f"insert into next.{PUBLICATION} values (?, ?, ?, ?)", [publication_id, published_at, name, row_count]
            )
        con.execute("commit")
        con.execute("checkpoint next")
        con.execute("detach next")
    return publication_id, published_at, row_counts


def _present_columns(con: duckdb.DuckDBPyConnection, names: Iterable[str]) -> dict[str, list[str]]:
    """Columns, in their order, of those relations that the warehouse has."""
    rows = con.execute(
        "select lower(schema_name || '.' || table_name) as name, list(column_name order by column_index) "
        "from duckdb_columns() where database_name = current_database() and not internal group by name order by name"
    ).fetchall()
    wanted = set(names)
    return {name: columns for name, columns in rows if name in wanted}


def _copy(con: duckdb.DuckDBPyConnection, relation: Relation, column_names: Iterable[str]) -> int:
    """Copy a relation without its tagged columns; what it says of itself goes along as comments. Returns its rows."""
    kept = [name for name in column_names if not _is_tagged(relation, name)]
    schema, table = relation.name.split(".")
    target = f"next.{_name(schema)}.{_name(table)}"
    con.execute(f"create schema if not exists next.{_name(schema)}")
    con.execute(f"create table {target} as select {', '.join(map(_name, kept))} from {_name(schema)}.{_name(table)}")
    if relation.description:
        con.execute(f"comment on table {target} is {_text(relation.description)}")
    for name in kept:
        column = relation.columns.get(name.lower())
        if column and column.description:
            con.execute(f"comment on column {target}.{_name(name)} is {_text(column.description)}")
    row = con.execute(f"select count(*) from {target}").fetchone()
    assert row is not None
    return int(row[0])


def _is_tagged(relation: Relation, column_name: str) -> bool:
    column = relation.columns.get(column_name.lower())
    return column is not None and column.contains_personal_data


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
