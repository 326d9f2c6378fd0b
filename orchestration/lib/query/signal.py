"""Read a stretch of a run's signal in some hundred points, from the Parquet file of the lake that the run names."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.lib.core.errors import NotThere, UsageError
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources.ecg.signal_parquet import PROCESSED
from python_transforms.timeseries import downsample


class NoSignal(NotThere):
    """The run is known, but its signal cannot be read here."""


def read_stretch(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    run_key: str,
    from_s: float = 0.0,
    to_s: float | None = None,
    max_points: int = 500,
) -> pa.Table:
    """Read the samples of a run from ``from_s`` (included) to ``to_s`` (not included; default: the end).

    Parameters
    ----------
    con
        The published file, which says where the signal lies; it holds none, since a signal identifies its person.

    Returns
    -------
    Columns ``time_s``, ``raw_mv``, ``filtered_mv``. Of more than ``max_points`` samples, those that keep the filtered
    signal's shape.

    Raises
    ------
    NotThere
        If there is no such run.
    NoSignal
        If the lake, or the file in it, cannot be read.
    UsageError
        If the stretch has no length.
    """
    row = con.execute(
        "select signal_path, loaded_raw_path, transform_load_id from ecg.run_metadata where run_key = $key",
        {"key": run_key},
    ).fetchone()
    if row is None:
        raise NotThere(f"there is no run {run_key}: GET /api/subjects has the subjects, and each subject its runs")
    if to_s is not None and not from_s < to_s:
        raise UsageError(f"from_s {from_s:g} does not lie before to_s {to_s:g}")
    rate_hz, raw_mv, filtered_mv = _read(lake, run_key, *row)
    # The first sample at or after from_s; a millionth of a sample for what does not come out even.
    first = int(np.ceil(min(from_s * rate_hz, len(raw_mv)) - 1e-6))
    last = len(raw_mv) if to_s is None else int(np.ceil(min(to_s * rate_hz, len(raw_mv)) - 1e-6))
    index = np.arange(first, max(first, last))
    shape = np.nan_to_num(filtered_mv[first : max(first, last)])
    chosen = index[downsample(index, shape, max_points)]
    return pa.table(
        {"time_s": chosen / rate_hz, "raw_mv": raw_mv[chosen], "filtered_mv": filtered_mv[chosen]},
    )


def _read(
    lake: Lake, run_key: str, signal_path: str, raw_path: str, load_id: int
) -> tuple[float, np.ndarray, np.ndarray]:
    """Read the sampling rate, and the raw and filtered samples of a run's current signal."""
    folder = lake.path(PROCESSED).resolve()
    path = lake.path(signal_path).resolve()
    try:
        # Whatever a publication says: nothing but a processed signal, reached through no link that leads elsewhere.
        if not path.is_relative_to(folder):
            raise FileNotFoundError(2, "it lies outside the lake's processed signals")
        table = pq.read_table(
            path,
            columns=["sampling_rate_hz", "raw_mv", "filtered_mv"],
            filters=[("run_key", "=", run_key), ("raw_path", "=", raw_path), ("load_id", "=", load_id)],
            partitioning=None,
        )
        if not len(table):
            raise FileNotFoundError(2, "the file has it no longer")
    except (OSError, pa.ArrowException) as error:
        reason = getattr(error, "strerror", None) or "no such file, or none that can be read"
        raise NoSignal(
            f"the signal of {run_key} cannot be read here: {signal_path} of the lake: {reason}. Signals are not "
            "published; ask where the lake is, or build again if it was moved"
        ) from None
    rate, raw, filtered = (column[0] for column in table.columns)
    return rate.as_py(), raw.values.to_numpy(zero_copy_only=False), filtered.values.to_numpy(zero_copy_only=False)
