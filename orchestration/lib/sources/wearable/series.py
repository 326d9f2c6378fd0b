"""Split readings into series and values."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def split_rows(rows: pa.Table, shared: Sequence[str]) -> tuple[pa.Table, pa.Table]:
    """Split rows into series and values, joined by ``series_id``, which counts from 0.

    Parameters
    ----------
    shared
        Columns of dictionaries. Each combination of their values in the rows is a series.
    """
    codes = np.zeros(rows.num_rows, np.int64)
    texts = {}
    for name in shared:
        column = rows[name].combine_chunks()
        texts[name] = column.dictionary
        codes = codes * len(column.dictionary) + column.indices.to_numpy()
    present = np.flatnonzero(np.bincount(codes))
    number = np.zeros(present[-1] + 1, np.int64)
    number[present] = np.arange(len(present))
    series: dict[str, object] = {"series_id": np.arange(len(present))}
    for name in reversed(shared):
        series[name] = texts[name].take(pa.array(present % len(texts[name])))
        present //= len(texts[name])
    values = rows.drop_columns(list(shared)).add_column(0, "series_id", pa.array(number[codes]))
    return pa.table(series), values


def number_series(files: Sequence[tuple[pa.Table, ...]], first_key: int) -> list[tuple[pa.Table, ...]]:
    """Assign numbers from ``first_key`` on to the series of several files, one file after the other."""
    numbered = []
    for series, values in files:
        shift = pa.scalar(first_key, pa.int64())
        numbered.append(
            tuple(rows.set_column(0, "series_id", pc.add(rows["series_id"], shift)) for rows in (series, values))
        )
        first_key += series.num_rows
    return numbered
