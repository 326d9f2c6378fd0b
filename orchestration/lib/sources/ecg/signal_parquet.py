"""Write and read processed ECG signals and their beats: Parquet files in the lake, never half-written.

A transaction writes one or more files of signals for each delivery. Each has a file of beats, under the same path in a
tree of its own, with a row a beat: a query about beats reads no signal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.lib.core.files import write_atomically
from orchestration.lib.lake.delivery import Delivery
from orchestration.lib.lake.files import Lake
from python_transforms.ecg import BEAT_FIGURES

PROCESSED = "processed/measurement=ecg"
PROCESSED_BEATS = "processed/measurement=ecg_beat"
# Runs in one row group of a Parquet file: a query for one run reads no more than these.
ROW_GROUP_RUNS = 16
# Rows in one row group of beats: some 300 runs of 20 s.
BEAT_ROW_GROUP = 8192
# Texts that stand at every beat of a run are written once; numbers are all different.
DICTIONARY = ["run_key", "raw_path"]

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


BEAT_SCHEMA = pa.schema(
    [
        ("run_key", pa.string()),
        ("raw_path", pa.string()),
        ("load_id", pa.int64()),
        ("beat_index", pa.int32()),
        ("time_s", pa.float64()),
        *((name, pa.bool_() if name.startswith("is_") else pa.float32()) for name in BEAT_FIGURES),
    ]
)


@dataclass(frozen=True)
class FilteredSignal:
    """Hold a filtered signal as it is stored."""

    raw_path: str
    sampling_rate_hz: float
    filtered_mv: npt.NDArray[np.float32]


def prepare(lake: Lake) -> None:
    """Make the folders of signals and beats, each with a file of no rows: a pattern then always finds a file."""
    for folder, schema in ((PROCESSED, SCHEMA), (PROCESSED_BEATS, BEAT_SCHEMA)):
        empty = lake.path(folder) / "empty.parquet"
        if not empty.exists():
            _write(schema.empty_table(), empty)


def part_path(delivery: Delivery, load_id: int, number: int) -> str:
    """Name a file of signals of one transaction and delivery, relative to the lake.

    A transaction that was killed and is done again has the same load id, and so writes the same files.
    """
    return f"{_folder(delivery)}/part-{load_id:08d}-{number}.parquet"


def write_part(lake: Lake, path: str, columns: dict[str, Any]) -> None:
    """Write signals (columns of `SCHEMA`) as the file at this path of the lake, whole or not at all."""
    _write(pa.table(columns, schema=SCHEMA), lake.path(path))


def write_beats(lake: Lake, signal_path: str, columns: dict[str, Any]) -> None:
    """Write beats (columns of `BEAT_SCHEMA`) of the signals at this path of the lake, whole or not at all."""
    _write(pa.table(columns, schema=BEAT_SCHEMA), lake.path(beat_path(signal_path)), BEAT_ROW_GROUP)


def beat_path(signal_path: str) -> str:
    """Name the file of the beats of the signals that lie at ``signal_path``, relative to the lake."""
    return PROCESSED_BEATS + signal_path.removeprefix(PROCESSED)


def list_array(arrays: Sequence[npt.NDArray[Any]]) -> pa.ListArray:
    """Make one Arrow column of arrays of any length."""
    offsets = np.cumsum([0, *(len(array) for array in arrays)], dtype=np.int32)
    values = np.concatenate(arrays) if len(arrays) > 1 else arrays[0]
    return pa.ListArray.from_arrays(offsets, pa.array(values))


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
    """Remove Parquet files of signals that no row names, and their beats: left by a kill, or since replaced."""
    deliveries = lake.deliveries("ecg") if deliveries is None else deliveries
    referenced = {
        path
        for (path,) in con.execute(
            """
            select distinct signal_path from raw.ecg_run_feature
            where clinic || '/' || delivery in (select unnest(?))
            """,
            [[delivery.key for delivery in deliveries]],
        ).fetchall()
    }
    for delivery in deliveries:
        folder = _folder(delivery)
        for tree in (folder, beat_path(folder)):
            for file in lake.path(tree).glob("*"):
                if f"{folder}/{file.name}" not in referenced:
                    file.unlink()


def _folder(delivery: Delivery) -> str:
    return f"{PROCESSED}/clinic={delivery.clinic}/delivery={delivery.name}"


def _write(table: pa.Table, path: Path, row_group_rows: int = ROW_GROUP_RUNS) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)

    def write(unfinished: Path) -> None:
        # Floating-point samples hardly compress: without compression writing is three times as fast. Nobody looks for a
        # run by the least and greatest of its samples.
        pq.write_table(
            table,
            unfinished,
            row_group_size=row_group_rows,
            compression="none",
            use_dictionary=DICTIONARY,
            write_statistics=["run_key", "raw_path", "load_id"],
        )

    write_atomically(path, write)
