"""Rows of relations, counted for the UI: of a view that takes long, the number stays unknown, and that is no error."""

from pathlib import Path

import pytest

from orchestration.lib.sources import open_warehouse
from orchestration.lib.warehouse import row_counts
from orchestration.lib.warehouse.connection import Warehouse
from orchestration.lib.warehouse.row_counts import count_rows

# More rows than can be counted in a test, and no statistics to count them by.
ENDLESS = "select * from range(1000000000) as a (x), range(1000000000) as b (y) where (x * y) % 7 = 3"


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    warehouse = open_warehouse(tmp_path / "warehouse.duckdb")
    with warehouse.write() as con:
        con.execute("create schema mart")
        con.execute("create table mart.three as select * from range(3)")
        con.execute("create view mart.two as select * from range(2)")
        con.execute(f"create view mart.endless as {ENDLESS}")
    return warehouse


def test_tables_and_views_are_counted_and_what_is_not_there_is_left_out(warehouse: Warehouse) -> None:
    assert count_rows(warehouse, ["mart.three", "mart.gone"], ["mart.two"]) == {"mart.three": 3, "mart.two": 2}


def test_a_view_that_takes_too_long_has_no_number(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_counts, "VIEW_COUNT_SECONDS", 0.1)
    assert count_rows(warehouse, ["mart.three"], ["mart.two", "mart.endless"]) == {"mart.three": 3, "mart.two": 2}


@pytest.mark.parametrize("delay_s", [0.0, 0.001, 0.01, 0.05])
def test_whenever_the_time_is_up_it_is_no_error(
    delay_s: float, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine reports an interruption as one of two errors, depending on what it is doing."""
    monkeypatch.setattr(row_counts, "VIEW_COUNT_SECONDS", delay_s)
    counts = count_rows(warehouse, ["mart.three"], ["mart.two", "mart.endless"])
    assert counts["mart.three"] == 3
    assert "mart.endless" not in counts
