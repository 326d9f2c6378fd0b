"""Write rows as JSON, CSV or Arrow, as the client's Accept header prefers."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from pyarrow import csv

# Times in the published file are UTC without a zone: JSON gets the Z. A decimal is exact only as text.
_JSON_OPTIONS = orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z


@dataclass(frozen=True)
class Format:
    """A way to write rows. ``write`` takes the rows, the facts beside them, and whether it is a single row."""

    name: str
    media_type: str
    write: Callable[[pa.Table, Mapping[str, Any], bool], bytes]


class NotAcceptable(Exception):
    """The client accepts none of the formats."""


def _as_json(rows: pa.Table, facts: Mapping[str, Any], is_one: bool) -> bytes:
    listed = records(rows)
    return dump({"row": listed[0], **facts} if is_one else {"rows": listed, **facts})


def _as_csv(rows: pa.Table, facts: Mapping[str, Any], is_one: bool) -> bytes:
    out = io.BytesIO()
    csv.write_csv(_flat(rows), out)
    return out.getvalue()


def _as_arrow(rows: pa.Table, facts: Mapping[str, Any], is_one: bool) -> bytes:
    out = io.BytesIO()
    # With the facts, a file that is kept still says from which publication it is.
    with pa.ipc.new_stream(out, rows.schema.with_metadata({"vitalhouse": dump(facts)})) as stream:
        stream.write_table(rows)
    return out.getvalue()


JSON = Format("json", "application/json", _as_json)
CSV = Format("csv", "text/csv", _as_csv)
ARROW = Format("arrow", "application/vnd.apache.arrow.stream", _as_arrow)
# A client that accepts anything gets the first one.
FORMATS = (JSON, CSV, ARROW)


def choose(accept: str | None) -> Format:
    """Choose the format that an Accept header prefers (RFC 9110, 12.5.1).

    Raises
    ------
    NotAcceptable
        If it allows none of them.
    """
    media_ranges = [_media_range(part) for part in (accept or "*/*").split(",")]

    def preference(form: Format) -> float:
        # Of the ranges that fit, the most specific one decides.
        fitting = [(len(name.rstrip("*")), q) for name, q in media_ranges if _fits(name, form.media_type)]
        return max(fitting)[1] if fitting else 0.0

    best = max(FORMATS, key=preference)
    if preference(best) <= 0:
        raise NotAcceptable
    return best


def _media_range(text: str) -> tuple[str, float]:
    name, *parameters = (part.strip().lower() for part in text.split(";"))
    q = next((value.removeprefix("q=") for value in parameters if value.startswith("q=")), "1")
    try:
        return name, float(q)
    except ValueError:
        return name, 0.0


def _fits(media_range: str, media_type: str) -> bool:
    return media_range in ("*/*", media_type, f"{media_type.split('/')[0]}/*")


def dump(value: Any) -> bytes:
    """Write a value as JSON."""
    return orjson.dumps(value, default=_plain, option=_JSON_OPTIONS)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(type(value))


def records(rows: pa.Table) -> list[dict[str, Any]]:
    """Convert rows to a dictionary each."""
    names = rows.column_names
    return [dict(zip(names, row, strict=True)) for row in zip(*map(_values, rows.columns), strict=True)]


def _values(column: pa.ChunkedArray) -> list[Any]:
    """Convert a column to Python's values; through NumPy, many times faster, if it has the type and no null."""
    kind = column.type
    if kind == pa.float32():
        # 0.205, not 0.20499999821186066: a float32 does not have these digits.
        return [None if value is None else float(str(np.float32(value))) for value in column.to_pylist()]
    if column.null_count == 0 and (pa.types.is_integer(kind) or pa.types.is_floating(kind) or kind == "timestamp[us]"):
        return list(column.to_numpy().tolist())
    return list(column.to_pylist())


def _flat(rows: pa.Table) -> pa.Table:
    """Write lists, which CSV does not have, as their values with spaces between."""
    for index, field in enumerate(rows.schema):
        if pa.types.is_list(field.type):
            texts = [None if value is None else " ".join(map(str, value)) for value in rows.column(index).to_pylist()]
            rows = rows.set_column(index, field.name, pa.array(texts, pa.string()))
    return rows
