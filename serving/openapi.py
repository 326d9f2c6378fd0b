"""Describe answers for the OpenAPI document, with the dbt project's descriptions of the columns of its contracts."""

from __future__ import annotations

from functools import cache
from typing import Any

from orchestration.lib.catalog.tables import TABLES
from orchestration.lib.modelling import manifest
from orchestration.lib.publish.relations import is_unpublished
from serving import content_negotiation

Schema = dict[str, Any]
Responses = dict[int | str, dict[str, Any]]

# JSON's types. A column of another type is described without a type.
_TYPES: dict[str, Schema] = {
    "varchar": {"type": "string"},
    "integer": {"type": "integer"},
    "bigint": {"type": "integer"},
    "float": {"type": "number"},
    "double": {"type": "number"},
    "boolean": {"type": "boolean"},
    "timestamp": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
    "decimal": {"type": "string", "description": "A decimal number, exact."},
}
_PUBLICATION: Schema = {
    "publication_id": {"type": "string", "description": "The publication that this was read from."},
    "published_at": {"type": "string", "format": "date-time", "description": "When that was published."},
}
_CURSOR: Schema = {
    "type": ["string", "null"],
    "description": "Give it as `cursor` for the next page, which is of the same publication; null on the last page.",
}
_PROBLEM = {
    "application/json": {
        "schema": {
            "type": "object",
            "properties": {"detail": {"type": "string", "description": "What is wrong, in a sentence."}},
            "required": ["detail"],
        }
    }
}
_PROBLEMS: Responses = {
    304: {"description": "The answer that the client has (If-None-Match) is still valid."},
    404: {"description": "There is no row with this name, or its table is not published.", "content": _PROBLEM},
    406: {"description": "The Accept header allows neither JSON, CSV nor Arrow.", "content": _PROBLEM},
    410: {"description": "The publication in which the list was begun is no longer kept.", "content": _PROBLEM},
    422: {"description": "A parameter is out of its range, or the answer would take too long.", "content": _PROBLEM},
    503: {"description": "Nothing is published yet.", "content": _PROBLEM},
}


def rows(relation: str) -> Responses:
    """Describe the answers of a list of a published relation's rows."""
    return rows_of(row(relation))


def rows_of(row_schema: Schema, **facts: Schema) -> Responses:
    """Describe the answers of a list of such rows, and further facts that stand beside them."""
    listed = {"type": "array", "items": row_schema}
    return _responses(object_of(rows=listed, **facts, **_PUBLICATION, next_cursor=_CURSOR))


def one(relation: str, **more_columns: Schema) -> Responses:
    """Describe the answers with a single row of a published relation, and further columns."""
    schema = row(relation)
    schema["properties"] |= more_columns
    schema["required"] += list(more_columns)
    return _responses(object_of(row=schema, **_PUBLICATION))


def row(relation: str) -> Schema:
    """Describe a row of a published relation as a JSON schema: its columns without those with personal data."""
    schema = object_of(**{column.name: _column(relation, column) for column in _columns(relation)})
    return {**schema, "description": " ".join(described()[relation].description.split())}


def column_types(relation: str) -> dict[str, str]:
    """List the SQL type of each published column of a relation."""
    return {column.name: _type(relation, column) for column in _columns(relation)}


def _responses(schema: Schema) -> Responses:
    text, binary = {"schema": {"type": "string"}}, {"schema": {"type": "string", "format": "binary"}}
    content = {
        content_negotiation.JSON.media_type: {"schema": schema},
        content_negotiation.CSV.media_type: text,
        content_negotiation.ARROW.media_type: binary,
    }
    return {200: {"description": "As the Accept header asks.", "content": content}, **_PROBLEMS}


def object_of(**properties: Schema) -> Schema:
    """Describe a JSON object with these properties, all of them required."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def number(description: str) -> Schema:
    """Describe a number."""
    return {"type": "number", "description": description}


described = cache(manifest.described)


def _columns(relation: str) -> list[manifest.Column]:
    content = described()[relation]
    return [column for name, column in content.columns.items() if not is_unpublished(content, name)]


def _type(relation: str, column: manifest.Column) -> str:
    return column.data_type or _catalog_types()[relation, column.name]


def _column(relation: str, column: manifest.Column) -> Schema:
    schema = {**_schema(_type(relation, column).lower()), "description": " ".join(column.description.split())}
    if "type" in schema and column.is_nullable:
        schema["type"] = [schema["type"], "null"]
    return schema


def _schema(kind: str) -> Schema:
    if kind.endswith("[]"):
        return {"type": "array", "items": _schema(kind.removesuffix("[]"))}
    return _TYPES.get(kind.partition("(")[0], {})


@cache
def _catalog_types() -> dict[tuple[str, str], str]:
    """Map the catalog's columns to their types, which the dbt project does not give."""
    return {(table.name, name): kind for table in TABLES for name, kind in table.columns.items()}
