"""Tables that people can read, in a terminal and in a file."""

from datetime import date, datetime
from decimal import Decimal

import pytest

from orchestration.cli.table import LONGEST_CELL, as_text, table


def test_numbers_stand_to_the_right_and_names_above_their_values() -> None:
    assert table(["name", "n"], [("a", 1), ("long name", 1000)]).splitlines() == [
        "name          n",
        "---------  ----",
        "a             1",
        "long name  1000",
    ]


def test_a_long_value_is_cut_in_a_terminal_and_whole_elsewhere() -> None:
    path = "folder/" * 20 + "file.csv"
    assert path in table(["path"], [(path,)])
    cut = table(["path"], [(path,)], LONGEST_CELL).splitlines()[-1]
    assert len(cut) == LONGEST_CELL
    assert cut.startswith("…")
    assert cut.endswith("file.csv")


def test_no_rows_still_show_the_columns() -> None:
    assert table(["a", "b"], []).splitlines()[0].split() == ["a", "b"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (72.85234567, "72.8523"),
        (Decimal("12.50"), "12.50"),
        (12345678, "12345678"),
        (date(2020, 1, 2), "2020-01-02"),
        (datetime(2020, 1, 2, 3, 4, 5, 678), "2020-01-02 03:04:05"),
        (["a", 1], "a, 1"),
        ("two\nlines", "two lines"),
    ],
)
def test_values_are_shown_as_people_read_them(value: object, text: str) -> None:
    assert as_text(value) == text
