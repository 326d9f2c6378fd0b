"""Describe a source's kinds of file, the values of their records, and the raw tables of these."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pyarrow as pa

LINEAGE = {"_raw_path": "VARCHAR", "_row_number": "BIGINT", "_load_id": "BIGINT", "_loaded_at": "TIMESTAMP"}


@dataclass(frozen=True)
class Table:
    """A table that the loader writes: its schema-qualified name and its pinned columns."""

    name: str
    columns: Mapping[str, str]


class Storage:
    """Store the rows of an entity in the raw table itself.

    A source may store rows of typed files in another way: in several tables of which the raw table is a view.
    """

    def tables(self, raw_table: Table) -> tuple[Table, ...]:
        """Name the tables that hold the rows; the last of them has one row for each row of the raw table."""
        return (raw_table,)

    def view_sql(self, raw_table: Table) -> str | None:
        """Write the statement that creates the raw table as a view; ``None`` where it is a table."""
        return None

    def from_files_sql(self, raw_table: Table, table: Table) -> str:
        """Write the condition on the rows of a stored table that come from files; ``?`` is the list of raw paths."""
        return "_raw_path in (select unnest(?))"

    def split(self, rows: pa.Table) -> tuple[pa.Table, ...]:
        """Split the rows of one file into those of each stored table. Called in the threads that read files."""
        return (rows,)

    def concatenate(self, files: Sequence[tuple[pa.Table, ...]], first_key: int) -> tuple[pa.Table, ...]:
        """Concatenate the rows of files, table by table.

        Keys that join the tables are numbered from ``first_key`` on. There are no more of them than rows in the first
        table.
        """
        import pyarrow as pa

        return tuple(pa.concat_tables(tables) for tables in zip(*files, strict=True))


class RejectedRecordKeys(NamedTuple):
    """Keys of the object that a receiver writes in place of input that is no record.

    They are none of the fields' keys, and the object has none of these: so it is never taken for a record.
    """

    reason: str
    raw_text: str


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
        """List the keys that this value may stand under, the preferred one first."""
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
    storage
        How the rows are stored, if not in the raw table itself. Only with a ``reader``.
    rejected_record_keys
        How a receiver that writes the files itself marks input that is no record. Such an object becomes a rejected row
        with the receiver's reason and text. ``None`` where files come from a provider.
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
    storage: Storage = field(default_factory=Storage)
    rejected_record_keys: RejectedRecordKeys | None = None

    @cached_property
    def table(self) -> Table:
        """Describe the raw table of this entity's records."""
        columns = {"clinic": "VARCHAR", "delivery": "VARCHAR"}
        columns |= {name: sql_type for name, (sql_type, _) in self.path_columns.items()}
        columns |= {item.name: item.type for item in self.fields}
        return Table(f"raw.{self.measurement}_{self.name}", columns | LINEAGE)

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        """Name the tables that hold this entity's rows; the last has one row for each record."""
        return self.storage.tables(self.table) if self.fields else ()

    @property
    def view_sql(self) -> str | None:
        """Write the statement that creates the raw table as a view of ``tables``; ``None`` where it is a table."""
        return self.storage.view_sql(self.table)

    def match(self, path_below: str) -> re.Match[str] | None:
        """Match a path below the delivery against this entity's pattern."""
        return self.path_pattern.fullmatch(path_below)


@dataclass(frozen=True)
class RejectedRow:
    """A piece of a file that is no good record."""

    line_number: int
    raw_text: str
    reason: str


def _no_rows() -> pa.Table:
    # Imported when it is needed: pyarrow takes 0.25 s, and who reads only the contracts does not need it.
    import pyarrow as pa

    return pa.table({})


@dataclass
class FileContent:
    """The rows that an entity's reader gives of a file, and rejected ones; or the reason why it can read nothing."""

    rows: pa.Table = field(default_factory=_no_rows)
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
