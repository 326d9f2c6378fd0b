"""What a source's contract is made of: kinds of file, the values of their records, and the raw tables these land in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import pyarrow as pa

LINEAGE = {"_raw_path": "VARCHAR", "_row_number": "BIGINT", "_load_id": "BIGINT", "_loaded_at": "TIMESTAMP"}


@dataclass(frozen=True)
class Table:
    """A table that the loader writes: its schema-qualified name and its pinned columns."""

    name: str
    columns: Mapping[str, str]


@dataclass(frozen=True)
class Field:
    """One value of a record.

    Parameters
    ----------
    name
        Column of the raw table, and the key under which the provider writes it.
    type
        Pinned DuckDB type.
    expected
        What a valid value is, in words that complete "expected …".
    aliases
        Other keys under which providers have written the same value.
    cast
        SQL that turns the text ``{value}`` into the type, null where it does not fit. Default: an exact cast.
    check
        SQL over the cast ``{value}`` that is true where the value is acceptable; ``{today}`` is today's date, UTC.
    """

    name: str
    type: str
    expected: str
    is_required: bool = False
    aliases: tuple[str, ...] = ()
    cast: str | None = None
    check: str | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key that this value may stand under, the preferred one first."""
        return (self.name, *self.aliases)


@dataclass(frozen=True)
class Entity:
    """One kind of file of a measurement.

    Parameters
    ----------
    path_pattern
        Regular expression on the whole path below the delivery.
    path_example
        The same for people, in the message about a file that no pattern fits.
    path_columns
        Columns that come from the path: name to (type, function of the pattern's match).
    record_key
        Names what the file is about within a clinic, from the pattern's match. Files of one key supersede each other:
        the latest delivery is current. ``None`` where a file has no such identity (a file of many records).
    partner
        Entity that must have come for the same record key before this file is loaded.
    fields
        The record's values. Empty where the file is not a file of records but input of a transform.
    is_single_record
        Whether a file holds one record and no more.
    file_format
        How records are written: ``json`` (objects) or ``csv`` (a header line that names the values).
    reader
        Reads a whole file (unpacked bytes, the pattern's match) where records are not one object or line each. It gives
        the fields' columns, typed, and ``_row_number``; ``fields`` then only say the columns.
    series
        With a reader, always: text fields that thousands of rows of a file share. They and what else the rows of a file
        have in common are kept once (table ``…_series``), the other fields in rows of numbers (``…_value``); the raw
        table is a view of both. Text, even if it is always the same, would be most of the work: with it 2.6 million
        readings took 1.5 s of a processor to insert, without it 0.25 s.
    """

    measurement: str
    name: str
    path_pattern: re.Pattern[str]
    path_example: str
    path_columns: Mapping[str, tuple[str, Callable[[re.Match[str]], object]]] = field(default_factory=dict)
    record_key: Callable[[re.Match[str]], str] | None = None
    partner: str | None = None
    fields: tuple[Field, ...] = ()
    is_single_record: bool = False
    file_format: str = "json"
    reader: Callable[[bytes, re.Match[str]], FileContent] | None = None
    series: tuple[str, ...] = ()

    @cached_property
    def table(self) -> Table:
        """The raw table of this entity's records."""
        columns = {"clinic": "VARCHAR", "delivery": "VARCHAR"}
        columns |= {name: sql_type for name, (sql_type, _) in self.path_columns.items()}
        columns |= {item.name: item.type for item in self.fields}
        return Table(f"raw.{self.measurement}_{self.name}", columns | LINEAGE)

    @cached_property
    def stored(self) -> tuple[Table, ...]:
        """The tables that hold this entity's records: the raw table, or the two that it is a view of."""
        if not self.series:
            return (self.table,) if self.fields else ()
        columns = dict(self.table.columns)
        in_value = [name for name in columns if name == "_row_number" or name in self._value_fields]
        return (
            Table(
                f"{self.table.name}_series",
                {"series_id": "BIGINT"} | {name: columns[name] for name in columns if name not in in_value},
            ),
            Table(f"{self.table.name}_value", {"series_id": "BIGINT"} | {name: columns[name] for name in in_value}),
        )

    @property
    def _value_fields(self) -> tuple[str, ...]:
        return tuple(item.name for item in self.fields if item.name not in self.series)

    @property
    def view_sql(self) -> str | None:
        """SQL that makes the raw table a view of the two that are stored; ``None`` where it is a table."""
        if not self.series:
            return None
        series, value = self.stored
        columns = ", ".join(
            f'{"value" if name in value.columns else "series"}."{name}"' for name in ("series_id", *self.table.columns)
        )
        return (
            f"create view {self.table.name} as select {columns} from {value.name} as value "
            f"inner join {series.name} as series on value.series_id = series.series_id"
        )

    def match(self, path_below: str) -> re.Match[str] | None:
        """Match a path below the delivery against this entity's pattern."""
        return self.path_pattern.fullmatch(path_below)


@dataclass(frozen=True)
class RejectedRow:
    """A piece of a file that was refused."""

    line_number: int
    raw_text: str
    reason: str


@dataclass
class FileContent:
    """What an entity's reader makes of a file: its rows, what was refused, or why nothing can be read of it."""

    rows: pa.Table = field(default_factory=lambda: pa.table({}))
    rejected: list[RejectedRow] = field(default_factory=list)
    reason: str | None = None


def entities_of(entities: Iterable[Entity], measurement: str) -> tuple[Entity, ...]:
    """Select the kinds of file of one measurement."""
    return tuple(entity for entity in entities if entity.measurement == measurement)


def find_entity(entities: Iterable[Entity], path_below: str) -> tuple[Entity, re.Match[str]] | None:
    """Find the kind of file among ``entities`` that a path below a delivery belongs to, with the pattern's match."""
    for entity in entities:
        if match := entity.match(path_below):
            return entity, match
    return None
