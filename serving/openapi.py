"""What answers hold, for the OpenAPI document: in the words of the dbt project, which keeps its columns by contract."""

from __future__ import annotations

from functools import cache
from typing import Any

from orchestration.lib.catalog.tables import TABLES
from orchestration.lib.modelling import manifest
from orchestration.lib.publish.relations import is_unpublished
from serving import content_negotiation

Schema = dict[str, Any]
Responses = dict[int | str, dict[str, Any]]

# JSON's types; of any other type nothing is promised.
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
    304: {"description": "What the reader has (If-None-Match) still holds."},
    404: {"description": "There is no such thing, or its table is not published.", "content": _PROBLEM},
    406: {"description": "The Accept header allows neither JSON, CSV nor Arrow.", "content": _PROBLEM},
    410: {"description": "The publication in which the list was begun is no longer kept.", "content": _PROBLEM},
    422: {"description": "A parameter is out of its range, or the answer would take too long.", "content": _PROBLEM},
    503: {"description": "Nothing is published yet.", "content": _PROBLEM},
}


def rows(relation: str) -> Responses:
    """The answers of a list of a published relation's rows."""
    return _responses(_rows(row(relation)))


def one(relation: str, **more: Schema) -> Responses:
    """The answers with a single row of a published relation, and what columns it has more."""
    schema = row(relation)
    schema["properties"] |= more
    schema["required"] += list(more)
    return _responses(_object(row=schema, **_PUBLICATION))


def row(relation: str) -> Schema:
    """JSON schema of a row of a published relation: its columns, but those with personal data."""
    schema = _object(**{column.name: _column(relation, column) for column in _columns(relation)})
    return {**schema, "description": " ".join(described()[relation].description.split())}


def column_types(relation: str) -> dict[str, str]:
    """SQL types of these columns."""
    return {column.name: _type(relation, column) for column in _columns(relation)}


def _responses(schema: Schema) -> Responses:
    text, binary = {"schema": {"type": "string"}}, {"schema": {"type": "string", "format": "binary"}}
    content = {
        content_negotiation.JSON.media_type: {"schema": schema},
        content_negotiation.CSV.media_type: text,
        content_negotiation.ARROW.media_type: binary,
    }
    return {200: {"description": "As the Accept header asks.", "content": content}, **_PROBLEMS}


def _rows(schema: Schema, **facts: Schema) -> Schema:
    return _object(rows={"type": "array", "items": schema}, **facts, **_PUBLICATION, next_cursor=_CURSOR)


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


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
    """Types of the catalog's columns, which the warehouse makes itself."""
    return {(table.name, name): kind for table in TABLES for name, kind in table.columns.items()}


def _number(description: str) -> Schema:
    return {"type": "number", "description": description}


_POINT = _object(
    time_s=_number("Time from the run's begin, in s."),
    raw_mv={"type": ["number", "null"], "description": "Sample as received, in mV; null where there is a gap."},
    filtered_mv={"type": ["number", "null"], "description": "Filtered sample, in mV."},
)
SIGNAL = _responses(_rows(_POINT, run_key={"type": "string"}))
_BUCKET = _object(
    bucket_start_at={"type": "string", "format": "date-time", "description": "Start of the bucket."},
    reading_count={"type": "integer", "description": "Readings in the bucket."},
    value_mean=_number("Mean of the values."),
    value_min=_number("Least value."),
    value_max=_number("Greatest value."),
)
SERIES = _responses(
    _rows(
        _BUCKET,
        participant={"type": "string", "description": "Key of the participant."},
        metric={"type": "string"},
        resolution={"type": "string", "description": "Width of the buckets: `1m`, `15m`, `1h` or `1d`."},
    )
)
RUN_KEYS: Schema = {"type": "array", "items": {"type": "string"}, "description": "Keys of the subject's runs."}
