"""Decide which relations and columns may be published, and verify a file before it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from orchestration.lib.core.errors import VitalhouseError
from orchestration.lib.sources import MEASUREMENTS

PUBLICATION = "catalog.publication"
# dbt's test that whoever a row is of has consented: what carries it stands behind the gate.
GATE_TEST = "only_consented"
# The newest load of its source that a table has seen: a constant column of each gated and each incremental model.
SEEN_LOAD_ID = "seen_load_id"
# Columns that models keep for their own use. They tell a reader nothing, and differ between builds of equal rows.
UNPUBLISHED_COLUMNS = frozenset({SEEN_LOAD_ID, "rule_hash"})


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
    """A table or view that may be published, as dbt's manifest describes it; ``columns`` by lower-case name.

    ``measurement`` is its source, ``None`` where it serves all; ``is_gated``: it holds rows of consenting people only.
    """

    name: str
    description: str = ""
    columns: Mapping[str, Column] = field(default_factory=dict)
    measurement: str | None = None
    is_gated: bool = False


def publishable(manifest: Mapping[str, Any]) -> dict[str, Relation]:
    """Relations that may be published, by name: every mart not held back, and each source that asks for it.

    A mart is a model under ``models/marts/``; its meta ``published: false`` keeps it back. A source table is published
    only where its meta says ``published: true``.
    """
    gated = {
        node.get("attached_node")
        for node in manifest["nodes"].values()
        if (node.get("test_metadata") or {}).get("name") == GATE_TEST
    }
    chosen = [
        (node, key in gated)
        for key, node in manifest["nodes"].items()
        if node["resource_type"] == "model"
        and node["fqn"][1] == "marts"
        and node["config"].get("materialized") != "ephemeral"
        and _meta(node).get("published", True) is not False
    ]
    chosen += [(node, False) for node in manifest["sources"].values() if _meta(node).get("published") is True]
    relations = (_relation(node, is_gated) for node, is_gated in chosen)
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


def _relation(node: Mapping[str, Any], is_gated: bool) -> Relation:
    columns = [
        Column(name, column.get("description", ""), _meta(column).get("contains_personal_data", False) is not False)
        for name, column in node["columns"].items()
    ]
    name = f"{node['schema']}.{node.get('alias') or node['identifier']}".lower()
    measurement = next((each for each in MEASUREMENTS if each in node.get("tags", ())), None)
    described = {column.name.lower(): column for column in columns}
    return Relation(name, node.get("description", ""), described, measurement, is_gated)


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
    if column_name.lower() in UNPUBLISHED_COLUMNS:
        raise PublishRefused(f"publish refused: column {column_name} of {relation.name} is the models' own")


def is_withheld(relation: Relation, column_name: str) -> bool:
    """Whether a column of a relation stays in the warehouse."""
    column = relation.columns.get(column_name.lower())
    return column_name.lower() in UNPUBLISHED_COLUMNS or (column is not None and column.contains_personal_data)
