"""Rows as JSON, CSV and Arrow: the same rows, and what the Accept header asks for."""

import csv
import io
import json
from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from serving.content_negotiation import ARROW, CSV, JSON, Format, NotAcceptable, choose

ROWS = pa.table(
    {
        "key": pa.array(["a", None], pa.string()),
        "at": pa.array([datetime(2025, 1, 2, 3, 4, 5), None], pa.timestamp("us")),
        "on": pa.array([date(2025, 1, 2), None], pa.date32()),
        "price_eur": pa.array([Decimal("12.50"), None], pa.decimal128(38, 2)),
        "count": pa.array([2**53 + 1, 3], pa.int64()),
        "share": pa.array([0.1, float("nan")], pa.float64()),
        "raw_mv": pa.array([0.205, None], pa.float32()),
        "is_good": pa.array([True, False]),
        "runs": pa.array([["a:1", "a:2"], None], pa.list_(pa.string())),
    }
)


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, JSON),
        ("*/*", JSON),
        ("text/html,application/xhtml+xml,*/*;q=0.8", JSON),
        ("text/csv", CSV),
        ("text/*", CSV),
        ("TEXT/CSV; charset=utf-8", CSV),
        ("application/vnd.apache.arrow.stream", ARROW),
        ("application/vnd.apache.arrow.stream, application/json;q=0.9", ARROW),
        ("application/json;q=0.2, text/csv;q=0.7", CSV),
        ("application/*, application/json;q=0", ARROW),
        ("application/json;q=what, text/csv", CSV),
    ],
)
def test_the_reader_gets_what_it_prefers(accept: str | None, form: Format) -> None:
    assert choose(accept) is form


@pytest.mark.parametrize("accept", ["image/png", "application/json;q=0", "text/html", ",", "*/*;q=0"])
def test_who_accepts_none_is_told_so(accept: str) -> None:
    with pytest.raises(NotAcceptable):
        choose(accept)


def test_json_has_times_in_utc_exact_decimals_and_no_more_digits_than_there_are() -> None:
    text = JSON.write(ROWS, {"publication_id": "x"}, False)
    assert b'"raw_mv":0.205' in text
    assert json.loads(text) == {
        "rows": [
            {
                "key": "a",
                "at": "2025-01-02T03:04:05Z",
                "on": "2025-01-02",
                "price_eur": "12.50",
                "count": 2**53 + 1,
                "share": 0.1,
                "raw_mv": 0.205,
                "is_good": True,
                "runs": ["a:1", "a:2"],
            },
            dict.fromkeys(ROWS.column_names) | {"count": 3, "is_good": False},
        ],
        "publication_id": "x",
    }


def test_csv_has_the_same_rows() -> None:
    first, second = csv.DictReader(io.StringIO(CSV.write(ROWS, {}, False).decode()))
    assert first == {
        "key": "a",
        "at": "2025-01-02 03:04:05.000000",
        "on": "2025-01-02",
        "price_eur": "12.50",
        "count": str(2**53 + 1),
        "share": "0.1",
        "raw_mv": "0.205",
        "is_good": "true",
        "runs": "a:1 a:2",
    }
    assert second["key"] == second["at"] == second["runs"] == ""


def test_arrow_has_the_rows_as_they_are_and_says_of_which_publication() -> None:
    read = pa.ipc.open_stream(ARROW.write(ROWS, {"publication_id": "x"}, False)).read_all()
    assert read.drop_columns("share").equals(ROWS.drop_columns("share"))
    assert json.loads(read.schema.metadata[b"vitalhouse"]) == {"publication_id": "x"}
