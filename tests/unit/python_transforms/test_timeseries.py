"""A thinned series keeps its ends, its peaks and its order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from python_transforms.timeseries import downsample
from tests.support.hypothesis_profile import examples


@settings(max_examples=examples(100), deadline=None)
@given(
    st.lists(st.floats(-1e6, 1e6), max_size=400),
    st.integers(3, 60),
    st.sampled_from(["lttb", "minmax"]),
)
def test_no_more_points_than_asked_in_their_order(values: list[float], n: int, method: str) -> None:
    kept = downsample(np.arange(len(values)), values, n, method)
    assert len(kept) == len(values) if len(values) <= n else len(kept) <= n
    assert (np.diff(kept) > 0).all()
    if method == "lttb" and len(values) > n:
        assert (len(kept), kept[0], kept[-1]) == (n, 0, len(values) - 1)


def reference_lttb(t: np.ndarray, y: np.ndarray, n: int) -> list[int]:
    """The thesis' definition, triangle by triangle."""
    edges = np.linspace(1, len(t) - 1, n - 1).astype(int)
    chosen = [0]
    for bucket in range(n - 2):
        following = range(edges[bucket + 1], edges[bucket + 2]) if bucket < n - 3 else [len(t) - 1]
        mean_t, mean_y = np.mean([t[i] for i in following]), np.mean([y[i] for i in following])
        a = chosen[-1]
        areas = {
            i: abs((t[a] - mean_t) * (y[i] - y[a]) - (t[a] - t[i]) * (mean_y - y[a])) / 2
            for i in range(edges[bucket], edges[bucket + 1])
        }
        chosen.append(max(areas, key=areas.__getitem__))
    return [*chosen, len(t) - 1]


def test_it_is_the_largest_triangle_three_buckets() -> None:
    rng = np.random.default_rng(1)
    t = np.cumsum(rng.uniform(0.1, 2, 500))
    y = np.cumsum(rng.normal(size=500))
    # Few points of many buckets and many points of few are chosen in different ways.
    for n in (3, 4, 17, 22, 23, 24, 100, 250, 499):
        assert downsample(t, y, n).tolist() == reference_lttb(t, y, n)


def test_minmax_loses_no_peak() -> None:
    y = np.sin(np.arange(10_000) / 50)
    y[4_321], y[7_654] = 9, -9
    assert {4_321, 7_654} <= set(downsample(np.arange(10_000), y, 100, "minmax").tolist())


def test_times_of_a_calendar_are_times() -> None:
    t = np.datetime64("2026-01-01", "us") + np.arange(1_000) * np.timedelta64(1, "m")
    y = np.sin(np.arange(1_000) / 20)
    assert downsample(t, y, 50).tolist() == downsample(np.arange(1_000), y, 50).tolist()


@pytest.mark.parametrize(
    ("t", "y", "n", "method", "message"),
    [
        ([1, 2], [1], 3, "lttb", "equal length"),
        ([2, 1], [1, 2], 3, "lttb", "descend"),
        ([1, 2], [1, np.nan], 3, "lttb", "finite"),
        ([1, 2], [1, 2], 2, "lttb", "at least 3"),
        ([1, 2], [1, 2], 3, "mean", "there is no method mean"),
    ],
)
def test_wrong_arguments_are_named(t: list[float], y: list[float], n: int, method: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        downsample(t, y, n, method)
