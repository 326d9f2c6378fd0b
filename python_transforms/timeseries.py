"""Fewer points that look the same: a series of any length thinned out for a chart."""

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray


def downsample(t: ArrayLike, y: ArrayLike, n: int, method: str = "lttb") -> NDArray[np.intp]:
    """Choose at most ``n`` points of a series that keep its shape.

    Parameters
    ----------
    t
        Times in ascending order, shape ``(m,)``: numbers or ``datetime64``.
    y
        Values, shape ``(m,)``, finite, in any unit.
    n
        Points to keep, at least 3. A series of ``n`` points or fewer is kept whole.
    method
        ``lttb``, Largest-Triangle-Three-Buckets: the first, the last, and of each bucket in between the point that
        spans the largest triangle with the one chosen before it and the mean of the bucket after it. ``minmax``: of
        each bucket the lowest and the highest point, so that no peak is lost.

    Returns
    -------
    Indices of the chosen points, ascending.

    Raises
    ------
    ValueError
        If the shapes differ, times descend, a value is not finite, ``n`` is below 3, or there is no such method.

    References
    ----------
    Steinarsson, S. (2013). Downsampling Time Series for Visual Representation. Master's thesis, University of Iceland.
    """
    times, values = np.asarray(t), np.asarray(y, dtype=np.float64)
    if times.ndim != 1 or times.shape != values.shape:
        raise ValueError(f"t and y must be of one dimension and equal length, not {times.shape} and {values.shape}")
    if n < 3:
        raise ValueError(f"n must be at least 3, not {n}")
    if not np.isfinite(values).all():
        raise ValueError("y must be finite")
    if len(times) and (np.diff(times) < np.zeros(1, np.diff(times).dtype)).any():
        raise ValueError("t must not descend")
    if method not in _METHODS:
        raise ValueError(f"there is no method {method}: choose from {', '.join(_METHODS)}")
    if len(times) <= n:
        return np.arange(len(times))
    # Counted from the first, so that times of any kind are numbers of no more digits than needed.
    return _METHODS[method]((times - times[0]).astype(np.float64), values, n)


def _lttb(times: NDArray[np.float64], values: NDArray[np.float64], n: int) -> NDArray[np.intp]:
    edges = np.linspace(1, len(times) - 1, n - 1).astype(np.intp)
    starts, counts = edges[:-1], np.diff(edges)
    mean_times = np.append(np.add.reduceat(times[:-1], starts) / counts, times[-1])
    mean_values = np.append(np.add.reduceat(values[:-1], starts) / counts, values[-1])
    chosen = np.empty(n, np.intp)
    chosen[0], chosen[-1] = 0, len(times) - 1
    for number in range(1, n - 1):
        before, part = chosen[number - 1], slice(edges[number - 1], edges[number])
        # Twice the area of the triangle with each of the bucket's points.
        area = np.abs(
            (times[before] - mean_times[number]) * (values[part] - values[before])
            - (times[before] - times[part]) * (mean_values[number] - values[before])
        )
        chosen[number] = edges[number - 1] + np.argmax(area)
    return chosen


def _minmax(times: NDArray[np.float64], values: NDArray[np.float64], n: int) -> NDArray[np.intp]:
    edges = np.linspace(0, len(values), n // 2 + 1).astype(np.intp)
    lowest = [start + np.argmin(values[start:end]) for start, end in pairwise(edges)]
    highest = [start + np.argmax(values[start:end]) for start, end in pairwise(edges)]
    return np.unique([*lowest, *highest])


_METHODS = {"lttb": _lttb, "minmax": _minmax}
