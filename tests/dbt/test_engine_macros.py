"""What the macros of macros/engine promise, whichever engine runs them."""

import hashlib
import hmac
from datetime import date
from typing import Any

import duckdb
import participant_key as keys
import pytest

from tests.support.dbt_home import DbtHome

# Text, and the whole number, floating-point number and date that it is.
TEXTS: dict[str, tuple[int | None, float | None, date | None]] = {
    "1651441208466": (1651441208466, 1651441208466.0, None),
    "1651441208466.0": (1651441208466, 1651441208466.0, None),
    "1651441208466.4": (1651441208466, 1651441208466.4, None),
    "1651441208466.5": (1651441208467, 1651441208466.5, None),
    "-1.5": (-2, -1.5, None),
    "1.651441208466e12": (1651441208466, 1651441208466.0, None),
    " 1651441208466 ": (1651441208466, 1651441208466.0, None),
    "+1": (1, 1.0, None),
    "1_000": (1000, 1000.0, None),
    "1,000": (None, None, None),
    "0x1f": (31, None, None),
    "9223372036854775808": (None, 9223372036854775808.0, None),
    "nan": (None, float("nan"), None),
    # The infinite date of DuckDB, which Python shows as its last one.
    "inf": (None, float("inf"), date.max),
    "true": (None, None, None),
    "null": (None, None, None),
    "": (None, None, None),
    "2022-05-01": (None, None, date(2022, 5, 1)),
    "2022-5-1": (None, None, date(2022, 5, 1)),
    "2022-05-01 23:59:59": (None, None, date(2022, 5, 1)),
    "2022/05/01": (None, None, date(2022, 5, 1)),
    "01.05.2022": (None, None, None),
    "2022-02-29": (None, None, None),
}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """SQL of calls of macros, by their names."""
    calls = {
        "text_to_bigint": "text_to_bigint('?')",
        "text_to_double": "text_to_double('?')",
        "text_to_date": "text_to_date('?')",
        "participant_key": "participant_key('?')",
        "integer_division": "integer_division('?::bigint', '?::bigint')",
        "years_before": "years_before('?::date', '?')",
        "distinct_values": "distinct_values('value')",
        "normalise_identifier": "normalise_identifier('?')",
        "redact_values": "redact_values('?')",
        "epoch_ms": "timestamp_to_epoch_ms(epoch_ms_to_timestamp('?::bigint'))",
    }
    home = DbtHome(tmp_path_factory.mktemp("engine")).prepare()
    sql = "\n;".join(f"{{{{ {call} }}}}" for call in calls.values())
    run = home.dbt("compile", "--inline", sql)
    assert run.success, run.exception
    statements = run.result.results[0].node.compiled_code.split("\n;")
    return dict(zip(calls, statements, strict=True))


def ask(expression: str, *parameters: Any) -> Any:
    with duckdb.connect() as con:
        return con.execute(f"select {expression}", parameters).fetchall()[0][0]


@pytest.mark.parametrize("text", TEXTS)
def test_odd_texts_are_what_the_list_says(rendered: dict[str, str], text: str) -> None:
    values = tuple(ask(rendered[name], text) for name in ("text_to_bigint", "text_to_double", "text_to_date"))
    # by their text, in which NaN is equal to itself
    assert repr(values) == repr(TEXTS[text])


@pytest.mark.parametrize("length", [16, 63, 64, 65, 200])
def test_the_pseudonym_is_an_hmac(rendered: dict[str, str], length: int) -> None:
    key = bytes(index % 251 for index in range(length))
    sql = rendered["participant_key"]
    with duckdb.connect() as con:
        keys.set_variables(con, key)
        for text in ("", "lab:jo@test.com:s1", "é" * 100):
            expected = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32]
            assert con.execute(f"select {sql}", [text]).fetchall() == [(expected,)]
    # Without the secret there is no pseudonym, rather than one that anybody can work out.
    assert ask(sql, "lab:jo@test.com:s1") is None


@pytest.mark.parametrize(("dividend", "divisor", "quotient"), [(7, 2, 3), (-7, 2, -3), (6, 3, 2), (0, 5, 0)])
def test_integer_division_drops_the_remainder(
    rendered: dict[str, str], dividend: int, divisor: int, quotient: int
) -> None:
    assert ask(rendered["integer_division"], dividend, divisor) == quotient


@pytest.mark.parametrize(
    ("day", "years", "before"),
    [
        (date(2020, 2, 29), 1, date(2019, 2, 28)),
        (date(2020, 2, 29), 4, date(2016, 2, 29)),
        (date(2019, 2, 28), 3, date(2016, 2, 28)),
        (date(2020, 3, 1), 20, date(2000, 3, 1)),
    ],
)
def test_years_are_those_of_the_calendar(rendered: dict[str, str], day: date, years: int, before: date) -> None:
    assert ask(rendered["years_before"], day, years) == before


def test_distinct_values_are_sorted_and_never_null(rendered: dict[str, str]) -> None:
    sql = rendered["distinct_values"]
    assert ask(f"{sql} from (values ('b'), ('a'), (null), ('b')) as row (value)") == ["a", "b"]
    assert ask(f"{sql} from (values (null::varchar)) as row (value)") == []


def test_one_address_written_in_several_ways_is_one(rendered: dict[str, str]) -> None:
    for text in ("zo\u00e9@test.com", " Zoe\u0301@Test.com\n", "\u00a0zo\u00e9@test.com\u2003"):
        assert ask(rendered["normalise_identifier"], text) == "zo\u00e9@test.com"


@pytest.mark.parametrize(
    ("reason", "redacted"),
    [
        ("age is 'Jo\nDoe': expected a number", "age: expected a number"),
        ("unexpected token 'Jo' and 'Doe' here", "unexpected token … here"),
        ("no such file", "no such file"),
    ],
)
def test_a_reason_is_told_without_the_value(rendered: dict[str, str], reason: str, redacted: str) -> None:
    assert ask(rendered["redact_values"].replace("?", "$1"), reason) == redacted


def test_milliseconds_since_1970_are_kept(rendered: dict[str, str]) -> None:
    assert ask(rendered["epoch_ms"], 1651441208466) == 1651441208466
