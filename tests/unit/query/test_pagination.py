"""Lists in pages: put together they are the whole, whatever the size of a page; no other text is a cursor."""

from datetime import datetime, timedelta

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.lib.core.errors import UsageError
from orchestration.lib.query.pagination import Cursor, Listing, decode_cursor, encode_cursor, read_page
from tests.support.hypothesis_profile import examples

LISTING = Listing("visit", ("clinic", "seen_at"), {"clinic": "clinic = $clinic", "kind": "kind = $kind"})
KEYS = st.tuples(st.text(max_size=3), st.integers(0, 5))


def visits(keys: set[tuple[str, int]]) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("create table visit (clinic varchar, seen_at timestamp, kind varchar)")
    for number, (clinic, hour) in enumerate(keys):
        at = datetime(2025, 1, 1) + timedelta(hours=hour)
        con.execute("insert into visit values (?, ?, ?)", [clinic, at, "ab"[number % 2]])
    return con


@settings(max_examples=examples(40), deadline=None)
@given(keys=st.sets(KEYS, max_size=20), limit=st.integers(1, 7), kind=st.sampled_from([None, "a"]))
def test_pages_put_together_are_the_whole(keys: set[tuple[str, int]], limit: int, kind: str | None) -> None:
    with visits(keys) as con:
        whole = con.execute("from visit where $kind is null or kind = $kind order by clinic, seen_at", {"kind": kind})
        expected = whole.fetchall()
        found, last_key = [], None
        while True:
            page = read_page(con, LISTING, limit, last_key, kind=kind)
            assert len(page.rows) == limit or page.last_key is None
            found += [tuple(row.values()) for row in page.rows.to_pylist()]
            if page.last_key is None:
                break
            # As it goes to the reader and comes back.
            last_key = decode_cursor(encode_cursor(Cursor("id", page.last_key), "q"), "q").last_key
    assert found == expected


@settings(max_examples=examples(100), deadline=None)
@given(text=st.text(max_size=80) | st.binary(max_size=60).map(lambda value: value.hex()))
def test_no_text_is_taken_for_a_cursor_that_is_none(text: str) -> None:
    with pytest.raises(UsageError, match="no cursor"):
        decode_cursor(text, "a question")


def test_a_cursor_is_of_one_list() -> None:
    text = encode_cursor(Cursor("id", ("a", datetime(2025, 1, 1))), "revenue")
    assert decode_cursor(text, "revenue") == Cursor("id", ("a", datetime(2025, 1, 1)))
    with pytest.raises(UsageError, match="another list"):
        decode_cursor(text, "revenue of another office")


@pytest.mark.parametrize("last_key", [("a",), ("a", "no time"), ("a", "b", "c")])
def test_a_key_that_is_none_of_the_list_is_refused(last_key: tuple[str, ...]) -> None:
    with visits({("a", 1)}) as con, pytest.raises(UsageError, match="another list"):
        read_page(con, LISTING, 10, last_key)
