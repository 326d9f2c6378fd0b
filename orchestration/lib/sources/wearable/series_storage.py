"""Store readings as series and values: two tables, of which ``raw.wearable_reading`` is a view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestration.lib.contract.entity import Storage, Table

if TYPE_CHECKING:
    import pyarrow as pa


# Columns that all rows of a file share, whatever they hold.
_OF_A_FILE = ("clinic", "delivery", "_raw_path", "_load_id", "_loaded_at")


@dataclass(frozen=True)
class SeriesStorage(Storage):
    """Keep what thousands of rows of a file share once (table ``…_series``), and the rest in rows (``…_value``).

    Text, even if it is always the same, would be most of the work: with it 2.6 million readings took 1.5 s of a
    processor to insert, without it 0.25 s.

    Parameters
    ----------
    shared
        Text fields of which a file has few values. All other fields, and ``_row_number``, belong to a value.
    """

    shared: tuple[str, ...]

    def tables(self, raw_table: Table) -> tuple[Table, ...]:
        """Name the tables of series and of values."""
        in_series = [*_OF_A_FILE, *self.shared]
        series = {name: sql_type for name, sql_type in raw_table.columns.items() if name in in_series}
        value = {name: sql_type for name, sql_type in raw_table.columns.items() if name not in in_series}
        return (
            Table(f"{raw_table.name}_series", {"series_id": "BIGINT"} | series),
            Table(f"{raw_table.name}_value", {"series_id": "BIGINT"} | value),
        )

    def view_sql(self, raw_table: Table) -> str:
        """Write the statement that creates the raw table as a view of both."""
        series, value = self.tables(raw_table)
        columns = ", ".join(
            f'{"value" if name in value.columns else "series"}."{name}"' for name in ("series_id", *raw_table.columns)
        )
        return (
            f"create view {raw_table.name} as select {columns} from {value.name} as value "
            f"inner join {series.name} as series on value.series_id = series.series_id"
        )

    def from_files_sql(self, raw_table: Table, table: Table) -> str:
        """Write the condition on the series, or the values, that come from files."""
        series = self.tables(raw_table)[0]
        from_files = "_raw_path in (select unnest(?))"
        return (
            from_files if table == series else f"series_id in (select series_id from {series.name} where {from_files})"
        )

    def split(self, rows: pa.Table) -> tuple[pa.Table, ...]:
        """Split rows into series and values, numbered from 0."""
        from orchestration.lib.sources.wearable.series import split_rows

        return split_rows(rows, self.shared)

    def concatenate(self, files: Sequence[tuple[pa.Table, ...]], first_key: int) -> tuple[pa.Table, ...]:
        """Concatenate series and values of files; the series are numbered from ``first_key`` on."""
        from orchestration.lib.sources.wearable.series import number_series

        return super().concatenate(number_series(files, first_key), first_key)
