"""Rows of tables, counted for the UI."""

from orchestration.lib.warehouse.connection import Warehouse
from orchestration.lib.warehouse.row_counts import count_rows


def test_tables_are_counted_and_those_that_do_not_exist_are_left_out(warehouse: Warehouse) -> None:
    with warehouse.write() as con:
        con.execute("create schema mart")
        con.execute("create table mart.three as select * from range(3)")
        con.execute("create table mart.none (a integer)")
    assert count_rows(warehouse, ["mart.three", "mart.gone", "mart.none"]) == {"mart.three": 3, "mart.none": 0}
    assert count_rows(warehouse, ["mart.gone"]) == {}
