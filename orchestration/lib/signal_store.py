"""Processed ECG signals: Parquet files in the lake, one or some a transaction and delivery, never half-written."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.lib.lake import Delivery, Lake

PROCESSED = "processed/measurement=ecg"
# Runs in one row group of a Parquet file: a query for one run reads no more than these.
ROW_GROUP_RUNS = 16

SCHEMA = pa.schema(
    [
        ("run_key", pa.string()),
        ("raw_path", pa.string()),
        ("load_id", pa.int64()),
        ("sampling_rate_hz", pa.float64()),
        ("raw_mv", pa.list_(pa.float32())),
        ("filtered_mv", pa.list_(pa.float32())),
        ("r_peak_index", pa.list_(pa.int32())),
    ]
)


@dataclass(frozen=True)
class FilteredSignal:
    """A filtered signal as it is stored."""

    raw_path: str
    sampling_rate_hz: float
    filtered_mv: npt.NDArray[np.float32]


def prepare(lake: Lake) -> None:
    """Make the folder of processed signals, with a Parquet file of no rows: a pattern then always finds a file."""
    empty = lake.path(PROCESSED) / "empty.parquet"
    if not empty.exists():
        _write(SCHEMA.empty_table(), empty)


def part_path(delivery: Delivery, load_id: int, number: int) -> str:
    """Path, relative to the lake, of a file with signals of one transaction and delivery, which has one or some.

    A transaction that was killed and is done again has the same load id, and so writes the same file.
    """
    return f"{_folder(delivery)}/part-{load_id:08d}-{number}.parquet"


def write_part(lake: Lake, path: str, columns: dict[str, Any]) -> None:
    """Write signals (columns of `SCHEMA`) as the file at this path of the lake, whole or not at all."""
    _write(pa.table(columns, schema=SCHEMA), lake.path(path))


def list_array(arrays: Sequence[npt.NDArray[Any]]) -> pa.ListArray:
    """Arrays of any length as one Arrow column."""
    offsets = np.cumsum([0, *(len(array) for array in arrays)], dtype=np.int32)
    return pa.ListArray.from_arrays(offsets, pa.array(np.concatenate(arrays)))


def read_filtered(lake: Lake, signal_path: str, raw_paths: Sequence[str]) -> list[FilteredSignal]:
    """Read the filtered signals of some raw files from one Parquet file."""
    table = pq.read_table(
        lake.path(signal_path),
        columns=["raw_path", "sampling_rate_hz", "filtered_mv"],
        filters=[("raw_path", "in", list(raw_paths))],
        partitioning=None,
    )
    return [
        FilteredSignal(raw_path.as_py(), rate.as_py(), np.asarray(samples.values))
        for raw_path, rate, samples in zip(*table.columns, strict=True)
    ]


def remove_unreferenced(con: duckdb.DuckDBPyConnection, lake: Lake, deliveries: Sequence[Delivery] | None) -> None:
    """Remove Parquet files that no row names: left by a kill, or replaced by a later transform."""
    chosen = lake.deliveries("ecg") if deliveries is None else deliveries
    referenced = {
        path
        for (path,) in con.execute(
            """
            select distinct signal_path from raw.ecg_run_feature
            where clinic || '/' || delivery in (select unnest(?))
            """,
            [[delivery.key for delivery in chosen]],
        ).fetchall()
    }
    for delivery in chosen:
        folder = _folder(delivery)
        for file in lake.path(folder).glob("*"):
            if f"{folder}/{file.name}" not in referenced:
                file.unlink()


def _folder(delivery: Delivery) -> str:
    return f"{PROCESSED}/clinic={delivery.clinic}/delivery={delivery.name}"


def _write(table: pa.Table, path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("wb") as file:
        # Floating-point samples hardly compress: without compression writing is three times as fast. Nobody looks for a
        # run by the least and greatest of its samples.
        pq.write_table(
            table,
            file,
            row_group_size=ROW_GROUP_RUNS,
            compression="none",
            use_dictionary=False,
            write_statistics=["run_key", "raw_path", "load_id"],
        )
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
