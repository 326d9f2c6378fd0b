"""What notebooks share: how series are thinned out with their gaps, how values reach SQL."""

from datetime import datetime, timedelta

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notebooks._chart import MAX_POINTS, line, resolution_for, step_for
from notebooks._published import text, texts
from tests.support.hypothesis_profile import examples


@settings(max_examples=examples(50), deadline=None)
@given(
    gaps=st.lists(st.sampled_from([1, 1, 1, 2, 50, 5000]), min_size=1, max_size=3000),
    nan_every=st.integers(2, 50),
)
def test_a_series_never_has_more_points_than_a_chart_takes(gaps: list[int], nan_every: int) -> None:
    times = np.cumsum(gaps)
    values = np.sin(times / 7.0)
    values[::nan_every] = np.nan
    rows = line(times, values, longest_gap=3, also={"low": values - 1}, name="x")
    assert rows.num_rows <= MAX_POINTS
    assert rows.column_names == ["at", "value", "low", "name"]
    at = rows["at"].to_numpy()
    assert (np.diff(at) >= 0).all()
    assert set(at) <= set(times)


def test_a_gap_breaks_the_line_and_thinning_out_does_not() -> None:
    times = np.arange("2024-10-22", "2024-10-29", np.timedelta64(1, "m"), dtype="datetime64[us]")
    values = np.sin(np.arange(len(times)) / 300)
    assert line(times, values, longest_gap=np.timedelta64(2, "m"))["value"].null_count == 0
    without_a_day = (times < np.datetime64("2024-10-24")) | (times >= np.datetime64("2024-10-25"))
    rows = line(times[without_a_day], values[without_a_day], longest_gap=np.timedelta64(2, "m"))
    assert rows["value"].null_count == 1
    assert rows["at"][rows["value"].to_pylist().index(None)].as_py().date() == datetime(2024, 10, 23).date()


def test_what_is_missing_in_a_short_series_is_seen() -> None:
    rows = line([0.0, 1.0, 2.0], [1.0, np.nan, 3.0])
    assert rows["value"].to_pylist() == [1.0, None, 3.0]
    assert line([], []).num_rows == 0


def test_bars_are_as_wide_as_the_chart_needs() -> None:
    begin = datetime(2026, 3, 2)
    assert step_for(begin, begin + timedelta(days=3)) == "10 minutes"
    assert step_for(begin, begin + timedelta(days=4)) == "hour"
    assert step_for(begin, begin + timedelta(days=365)) == "day"
    assert step_for(begin, begin + timedelta(days=365 * 900)) == "year"


@pytest.mark.parametrize(("days", "resolution"), [(0.3, "1m"), (1, "1m"), (7, "15m"), (30, "1h"), (600, "1d")])
def test_a_watch_is_read_at_the_coarsest_resolution_that_fills_a_chart(days: float, resolution: str) -> None:
    begin = datetime(2024, 10, 22)
    assert resolution_for(begin, begin + timedelta(days=days)) == resolution


@settings(max_examples=examples(30), deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), max_size=10))
def test_whatever_is_chosen_reaches_sql_as_a_value(values: list[str]) -> None:
    with duckdb.connect(":memory:") as con:
        assert con.execute(f"select {texts(values)}::varchar[]").fetchall() == [(values,)]
        for value in values:
            assert con.execute(f"select {text(value)}").fetchall() == [(value,)]
