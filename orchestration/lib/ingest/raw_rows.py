"""Insert typed rows into a raw table, with the columns that come from their file's path."""

from collections.abc import Mapping, Sequence

import duckdb
import pyarrow as pa

from orchestration.lib.catalog.load_transaction import LoadTransaction, PendingFile
from orchestration.lib.contract.entity import Entity
from orchestration.lib.warehouse.arrow import insert_arrow


def insert_raw_rows(
    con: duckdb.DuckDBPyConnection,
    entity: Entity,
    load: LoadTransaction,
    files: Sequence[PendingFile],
    source: str,
    row_number: str,
    file_columns: Mapping[str, list[int]] | None = None,
) -> None:
    """Insert the rows of files into the entity's raw table.

    Parameters
    ----------
    source
        SQL behind ``from``: a table ``typed`` that has the fields' columns, joined with the table ``rows``, which has a
        row for each file: ``raw_path``, the columns that come from the path, and ``file_columns``.
    row_number
        SQL of a row's number within its file.
    """
    if not files:
        return
    path_columns = {
        "clinic": [file.clinic for file in files],
        "delivery": [file.delivery for file in files],
    } | {name: [_path_value(entity, name, file) for file in files] for name in entity.path_columns}
    columns = [f'rows."{name}"' for name in path_columns] + [f'typed."{item.name}"' for item in entity.fields]
    insert_arrow(
        con,
        f"""
        insert into {entity.table.name} by name
        select {", ".join(columns)}, rows.raw_path as _raw_path, {row_number} as _row_number,
            ? as _load_id, ?::timestamp as _loaded_at
        from {source}
        """,
        pa.table(path_columns | {"raw_path": [file.raw_path for file in files]} | dict(file_columns or {})),
        [load.load_id, load.started_at],
    )


def _path_value(entity: Entity, name: str, file: PendingFile) -> object:
    match = entity.match(file.path_below)
    assert match is not None, f"the catalog says that {file.raw_path} is a {entity.name}"
    return entity.path_columns[name][1](match)
