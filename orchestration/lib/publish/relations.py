"""Verify that a file holds nothing but relations and columns that may be published."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from orchestration.lib.core.errors import VitalhouseError
from orchestration.lib.modelling.manifest import Relation

PUBLICATION = "catalog.publication"
# The newest load of its source that a table has seen: a constant column of each gated and each incremental model.
SEEN_LOAD_ID = "seen_load_id"
# Columns that models keep for their own use. They tell a reader nothing, and differ between builds of equal rows.
UNPUBLISHED_COLUMNS = frozenset({SEEN_LOAD_ID, "rule_hash"})


class PublishRefused(VitalhouseError):
    """A file that was to be published holds, or may hold, personal data. The previous publication stays."""


def verify(path: Path, relations: Mapping[str, Relation]) -> None:
    """Read a file's columns back and refuse it if one is tagged, or not known as publishable.

    Raises
    ------
    PublishRefused
        Naming the first such relation or column and what to do.
    """
    with duckdb.connect(str(path), read_only=True) as con:
        columns = con.execute(
            "select lower(schema_name || '.' || table_name), column_name from duckdb_columns() "
            "where database_name = current_database() and not internal"
        ).fetchall()
    for relation_name, column_name in columns:
        if relation_name == PUBLICATION:
            continue
        relation = relations.get(relation_name)
        if relation is None:
            raise PublishRefused(
                f"publish refused: {relation_name} is not a mart that dbt's manifest allows to be published"
            )
        _refuse_unless_harmless(relation, column_name)


def _refuse_unless_harmless(relation: Relation, column_name: str) -> None:
    column = relation.columns.get(column_name.lower())
    if column is None:
        raise PublishRefused(
            f"publish refused: column {column_name} of {relation.name} is not described in the model's YAML, which "
            "has to say whether it contains personal data. Describe it there and build again"
        )
    if column.contains_personal_data:
        raise PublishRefused(
            f"publish refused: column {column_name} of {relation.name} is tagged contains_personal_data"
        )
    if column_name.lower() in UNPUBLISHED_COLUMNS:
        raise PublishRefused(f"publish refused: column {column_name} of {relation.name} is the models' own")


def is_unpublished(relation: Relation, column_name: str) -> bool:
    """Return whether a column of a relation stays in the warehouse."""
    column = relation.columns.get(column_name.lower())
    return column_name.lower() in UNPUBLISHED_COLUMNS or (column is not None and column.contains_personal_data)
