"""Records are read from whatever shape a provider gives them; what is no record is given back with line and reason."""

import csv
import io
import json
import time
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orchestration.lib.contract.entity import Entity, Field, RejectedRecordKeys
from orchestration.lib.ingest.records import (
    RAW_TEXT_CHARACTERS,
    Record,
    escape_unprintable,
    scan_csv,
    scan_records,
)
from orchestration.lib.ingest.typing_sql import typing_sql
from orchestration.lib.sources.ecg.contract import ECG_RUN_HEADER
from tests.support.hypothesis_profile import examples

A, B, C = ({"n": "1"}, {"n": "2"}, {"n": "3"})


def values(content: bytes) -> list[dict[str, str | None]]:
    return [record.values for record in scan_records(content) if not record.problem]


def problems(content: bytes) -> list[tuple[int, str, str]]:
    return [(record.line_number, record.raw_text, record.problem) for record in scan_records(content) if record.problem]


@pytest.mark.parametrize(
    ("shape", "content"),
    [
        ("one a line", b'{"n": 1}\n{"n": 2}\n{"n": 3}\n'),
        ("one a line, no end", b'{"n": 1}\n{"n": 2}\n{"n": 3}'),
        ("windows lines", b'{"n": 1}\r\n{"n": 2}\r\n{"n": 3}\r\n'),
        ("blank lines", b'\n\n{"n": 1}\n\n \t\n{"n": 2}\n{"n": 3}\n\n'),
        ("array", b'[{"n": 1}, {"n": 2}, {"n": 3}]'),
        ("array over lines", b'[\n  {\n    "n": 1\n  },\n  {\n    "n": 2\n  },\n  {\n    "n": 3\n  }\n]\n'),
        ("array of arrays", b'[[{"n": 1}], [{"n": 2}, {"n": 3}]]'),
        ("two arrays", b'[{"n": 1}]\n[{"n": 2}, {"n": 3}]'),
        ("array not closed", b'[{"n": 1}, {"n": 2}, {"n": 3}'),
        ("no newline between", b'{"n": 1}{"n": 2}{"n": 3}'),
        ("spaces between", b'{"n": 1} {"n": 2}\t{"n": 3}'),
        ("comma after each line", b'{"n": 1},\n{"n": 2},\n{"n": 3},\n'),
        ("byte order mark", b'\xef\xbb\xbf{"n": 1}\n{"n": 2}\n{"n": 3}\n'),
        ("repeated key", b'{"n": 1, "n": 9}{"n": 2}{"n": 3}'),
    ],
)
def test_every_shape_in_which_records_come(shape: str, content: bytes) -> None:
    assert values(content) == [A, B, C]
    assert problems(content) == []


@pytest.mark.parametrize("content", [b"", b"\n", b" \t\r\n", b"\xef\xbb\xbf", b"[]", b"[[], []]", b",\n,\n"])
def test_a_file_of_nothing_has_no_record(content: bytes) -> None:
    assert list(scan_records(content)) == []


class TestBroken:
    """What is whole loads; what is not is given back with its line, its text and why."""

    @pytest.mark.parametrize("end", [b'{"n": 3, "m"', b'{"n": 3, "m": "abc', b"{", b'{"n": [1, 2', b'{"n": tr'])
    @pytest.mark.parametrize("between", [b"\n", b"", b",\n"])
    def test_cut_off_in_the_last_object(self, between: bytes, end: bytes) -> None:
        content = between.join([b'{"n": 1}', b'{"n": 2}', end])
        assert values(content) == [A, B]
        ((line, text, problem),) = problems(content)
        assert line == content.count(b"\n") + 1
        assert text == end.decode()
        assert problem.startswith("it is not a valid JSON object: ")
        assert problem.endswith("(the file ends within it)")

    @pytest.mark.parametrize(
        ("broken", "reason"),
        [
            ('{"n": 2', "it is not a valid JSON object: Expecting ',' delimiter"),
            ('{"n": }', "it is not a valid JSON object: Expecting value"),
            ("{'n': 2}", "it is not a valid JSON object: Expecting property name enclosed in double quotes"),
            ('{"n": 2 "m": 3}', "it is not a valid JSON object: Expecting ',' delimiter"),
            ('{"n": "2}', "it is not a valid JSON object: Invalid control character at"),
            ('{"n": "\\x"}', "it is not a valid JSON object: Invalid \\escape"),
            ("artifact", "it is not a JSON object"),
            ("12", "it is not a JSON object"),
            ("null", "it is not a JSON object"),
            ('"text"', "it is not a JSON object"),
        ],
    )
    def test_in_the_middle(self, broken: str, reason: str) -> None:
        content = f'{{"n": 1}}\n{broken}\n{{"n": 3}}\n'.encode()
        assert values(content) == [A, C]
        ((line, text, problem),) = problems(content)
        assert (line, text) == (2, broken)
        assert problem.startswith(reason)

    def test_between_objects_on_one_line(self) -> None:
        assert values(b'{"n": 1}{"n": }{"n": 3}') == [A, C]
        assert values(b'{"n": 1} x {"n": 3}') == [A, C]

    def test_over_several_lines(self) -> None:
        content = b'[\n {"n": 1},\n {\n  "n": ,\n  "m": 4\n },\n {"n": 3}\n]\n'
        assert values(content) == [A, C]
        ((line, text, _),) = problems(content)
        assert line == 3
        assert text == '{\n  "n": ,\n  "m": 4\n }'

    def test_each_is_given_with_the_line_on_which_it_begins(self) -> None:
        content = b'\n\nx\n{"n": 1}\n\ny\n[{"n": 2},\n{"n"]\n{"n": 3}\n'
        assert [(line, text) for line, text, _ in problems(content)] == [(3, "x"), (6, "y"), (8, '{"n"]')]
        assert [record.line_number for record in scan_records(content) if not record.problem] == [4, 7, 9]

    def test_invalid_utf8_refuses_its_record_alone(self) -> None:
        content = b'{"n": 1}\n{"n": "caf\xe9"}\n{"n": 3}\n'
        assert values(content) == [A, C]
        assert problems(content) == [(2, '{"n": "caf\\xe9"}', "it is not valid UTF-8")]

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
    def test_utf16_is_refused(self, encoding: str) -> None:
        content = '{"n": 1}\n'.encode(encoding)
        assert values(content) == []
        assert problems(content)
        if encoding == "utf-16":
            assert problems(content)[0][2] == "it is UTF-16 text: save it as UTF-8"

    def test_nul_bytes(self) -> None:
        assert values(b'{"n": 1}\n\x00\x00\n{"n": 3}') == [A, C]
        assert problems(b"\x00\x00") == [(1, "\\x00\\x00", "it is not a JSON object")]
        assert problems(b'{"n": "a\x00b"}')[0][1] == '{"n": "a\\x00b"}'

    def test_escapes_that_stand_for_nothing(self) -> None:
        assert problems(b'{"n": "\\ud800"}') == [(1, '{"n": "\\ud800"}', "it has an invalid Unicode escape")]
        assert problems(b'{"n": ["\\ud800"]}')[0][2] == "it has an invalid Unicode escape"
        assert values(b'{"n": "\\ud83d\\ude00"}') == [{"n": "😀"}]

    def test_deep_nesting_refuses_its_record_alone(self) -> None:
        deep = b'{"n": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
        content = b'{"n": 1}\n' + deep + b'\n{"n": 3}\n'
        assert values(content) == [A, C]
        ((line, text, problem),) = problems(content)
        assert (line, problem, len(text)) == (2, "it is nested too deeply", RAW_TEXT_CHARACTERS)

    @pytest.mark.parametrize("depth", range(50, 1000, 50))
    def test_nesting_of_any_depth_is_one_record(self, depth: int) -> None:
        content = b'{"n": ' + b'{"a":' * depth + b"1" + b"}" * depth + b'}\n{"n": 3}\n'
        found = list(scan_records(content))
        assert len(found) == 2
        assert found[1].values == C

    def test_of_a_long_piece_the_beginning_is_kept(self) -> None:
        content = b"x" * 5 * RAW_TEXT_CHARACTERS
        assert problems(content)[0][1] == "x" * RAW_TEXT_CHARACTERS

    @pytest.mark.parametrize(
        "content",
        [
            b"{" + b"\n" * 1_000_000 + b"x",
            b'{"a"}' + b" " * 1_000_000 + b"x",
            b'{"a": 1,\n' * 100_000,
            b'{"a": 1}x' * 100_000,
            b"{" * 1_000_000,
            b'{"a":[' * 200_000,
            b'{"a":"' * 200_000,
            b"}" * 1_000_000,
            b"},,,," * 200_000,
            bytes(50_000_000),
        ],
        ids=lambda content: repr(content[:8]),
    )
    def test_no_content_takes_more_than_its_size_says(self, content: bytes) -> None:
        # Quadratic reading of the smallest of these takes minutes; linear reading of the largest a second or two.
        started = time.process_time()
        for _ in scan_records(content):
            pass
        assert time.process_time() - started < 10


class TestValues:
    """The text of each value is the one that DuckDB's own reader gives."""

    @pytest.mark.parametrize(
        ("written", "text"),
        [
            ("1", "1"),
            ("-0", "0"),
            ("1.0", "1.0"),
            ("1.10", "1.1"),
            ("1655564376361.0", "1655564376361.0"),
            ("1e5", "100000.0"),
            ("1e22", "1e+22"),
            ("1E-7", "1e-07"),
            ("1e400", "1e400"),
            ("-1e-400", "-0.0"),
            ("9223372036854775808", "9223372036854775808"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            ("NaN", "NaN"),
            ("-Infinity", "-Infinity"),
            ("true", "true"),
            ("null", None),
            ('""', ""),
            ('"a\\u00e9\\n"', "aé\n"),
            ('"\\u0000"', "\x00"),
            ('{"k": 1.50, "l": [1, "x", null, true], "k": {}}', '{"k":1.5,"l":[1,"x",null,true],"k":{}}'),
            ('["\\u00e9", "\\"", "/", "\\t"]', '["é","\\"","/","\\t"]'),
        ],
    )
    def test_text(self, tmp_path: Any, written: str, text: str | None) -> None:
        content = f'{{"n": {written}}}'.encode()
        assert values(content) == [{"n": text}]
        file = tmp_path / "file.json"
        file.write_bytes(content)
        duckdb_text = duckdb.execute("select n from read_json(?, columns = {n: 'VARCHAR'})", [str(file)]).fetchall()
        assert duckdb_text == [(text,)]

    @settings(max_examples=examples(200), deadline=None)
    @given(st.floats(allow_nan=False, allow_infinity=False))
    @example(5e-324)
    @example(1.7976931348623157e308)
    def test_decimals(self, number: float) -> None:
        (found,) = values(json.dumps({"n": number}).encode())
        assert found["n"] is not None
        assert float(found["n"]) == number
        assert duckdb.execute("select ?::double::varchar", [number]).fetchall() == [(found["n"],)]


plain_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
    max_leaves=6,
)
plain_records = st.lists(st.dictionaries(st.text("abcdef", min_size=1, max_size=4), plain_json, max_size=4), max_size=6)
separators = st.sampled_from(["", "\n", ",", ",\n", " ", "\r\n", "\n\n", " , ", "\n]\n["])


@settings(max_examples=examples(200), deadline=None)
@given(plain_records, separators, st.sampled_from([None, 1]), st.booleans(), st.booleans())
def test_whatever_the_layout_every_record_is_read(
    records: list[dict[str, Any]], separator: str, indent: int | None, ascii_only: bool, is_array: bool
) -> None:
    text = separator.join(json.dumps(record, indent=indent, ensure_ascii=ascii_only) for record in records)
    found = list(scan_records((f"[{text}]" if is_array else text).encode()))
    assert [record.problem for record in found] == [None] * len(records)
    for record, read in zip(records, found, strict=True):
        assert read.values.keys() == record.keys()
        for key, value in record.items():
            text_of_value = read.values[key]
            if isinstance(value, str) or value is None:
                assert text_of_value == value
            else:
                assert text_of_value is not None
                assert json.loads(text_of_value) == value


@settings(max_examples=examples(300), deadline=None)
@given(
    st.lists(
        st.sampled_from([b'{"a": 1}', b'{"a":', b"{", b"}", b"[", b"]", b",", b"\n", b" ", b'"', b"\\", b"x", b"\xff"])
        | st.binary(max_size=6),
        max_size=30,
    ).map(b"".join)
)
def test_any_bytes_are_read_to_their_end(content: bytes) -> None:
    found = list(scan_records(content))
    lines = [record.line_number for record in found]
    assert lines == sorted(lines)
    assert all(1 <= line <= content.count(b"\n") + 1 for line in lines)
    for record in found:
        assert record.problem is None or record.values == {} or record.problem == "it is not valid UTF-8"
        # What is kept can be stored.
        record.raw_text.encode()
    # Nothing but what stands between records is skipped.
    if content.strip(b" \t\n\r\x0b\x0c,[]\x1c\x1d\x1e\x1f") and not content.startswith(b"\xef\xbb\xbf"):
        try:
            content.decode()
        except UnicodeDecodeError:
            return
        if content.decode().strip(" ,[]\t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0").strip():
            assert found


@given(st.text())
def test_what_is_shown_can_be_stored(text: str) -> None:
    shown = escape_unprintable(text)
    shown.encode()
    assert not any(ord(character) < 32 and character not in "\t\n\r" for character in shown)


# -- typing --------------------------------------------------------------------------------------------------------


def typed(item: Field, *texts: str | None, today: str = "2026-11-22") -> tuple[Any, str | None]:
    """The typed value of a record that has these texts under the field's keys, and what is wrong with it."""
    entity = Entity("m", "e", path_pattern=None, path_example="", fields=(item,))  # type: ignore[arg-type]
    (column,), problem = typing_sql(entity, today)
    given_texts = ", ".join(f"?::varchar as value_{index}" for index in range(len(texts)))
    row = duckdb.execute(f"select {column}, {problem} from (select {given_texts})", list(texts)).fetchone()
    assert row is not None
    return row[0], row[1]


class TestTypes:
    @pytest.mark.parametrize(
        ("sql_type", "text", "value"),
        [
            ("INTEGER", "7", 7),
            ("INTEGER", " 7 ", 7),
            ("INTEGER", "-3", -3),
            ("INTEGER", "+3", 3),
            ("INTEGER", "2.0", 2),
            ("INTEGER", "2.", 2),
            ("INTEGER", "1e3", 1000),
            ("BIGINT", "1655564376361.0", 1655564376361),
            ("BIGINT", "1.655564376361e12", 1655564376361),
            ("BIGINT", "9223372036854775807", 2**63 - 1),
            ("BIGINT", "-9223372036854775808", -(2**63)),
            # Beyond what a double can tell apart.
            ("BIGINT", "9007199254740993.0", 9007199254740993),
            ("BIGINT", "9007199254740993", 9007199254740993),
            ("TINYINT", "127", 127),
            ("DOUBLE", "1e-3", 0.001),
            ("DOUBLE", "-0.5", -0.5),
            ("DECIMAL(12,2)", "12.34", Decimal("12.34")),
            ("VARCHAR", "  text ", "text"),
            ("DATE", "2020-02-29", date(2020, 2, 29)),
            ("BOOLEAN", "true", True),
        ],
    )
    def test_what_fits(self, sql_type: str, text: str, value: object) -> None:
        assert typed(Field("n", sql_type, "a value"), text) == (value, None)

    @pytest.mark.parametrize(
        ("sql_type", "text"),
        [
            ("INTEGER", "2.7"),
            ("INTEGER", "-0.5"),
            ("INTEGER", "1e-3"),
            ("INTEGER", "2147483648"),
            ("INTEGER", "1e400"),
            ("INTEGER", "seven"),
            ("INTEGER", "7 apples"),
            ("INTEGER", "NaN"),
            ("INTEGER", "Infinity"),
            ("INTEGER", "."),
            ("INTEGER", "e"),
            ("INTEGER", "true"),
            ("INTEGER", "[1]"),
            ("BIGINT", "9223372036854775808"),
            ("BIGINT", "-9223372036854775809"),
            ("BIGINT", "123456789012345678901234567890"),
            ("BIGINT", "9223372036854775808.0"),
            ("BIGINT", "1e19"),
            ("TINYINT", "128"),
            ("TINYINT", "300.0"),
            ("DOUBLE", "1e400"),
            ("DOUBLE", "-1e400"),
            ("DOUBLE", "NaN"),
            ("DOUBLE", "inf"),
            ("DOUBLE", "-Infinity"),
            ("DOUBLE", "0,5"),
            ("DOUBLE", "1 2"),
            ("DECIMAL(12,2)", "1e400"),
            ("DECIMAL(12,2)", "99999999999"),
            ("DATE", "31.02.2005"),
            ("DATE", "2020-02-30"),
            ("DATE", "infinity"),
            ("DATE", "yesterday"),
            ("TIMESTAMP", "infinity"),
            ("BOOLEAN", "maybe"),
        ],
    )
    def test_what_does_not_fit_is_named_with_what_was_expected(self, sql_type: str, text: str) -> None:
        assert typed(Field("n", sql_type, "a value"), text) == (None, f"n is '{text}': expected a value")

    @pytest.mark.parametrize("text", [None, "", "  "])
    def test_what_is_missing(self, text: str | None) -> None:
        assert typed(Field("n", "INTEGER", "a value"), text) == (None, None)
        assert typed(Field("n", "INTEGER", "a value", is_required=True), text) == (
            None,
            "n is missing: expected a value",
        )

    @settings(max_examples=examples(200), deadline=None)
    @given(st.integers(-(2**70), 2**70))
    def test_whole_numbers_are_exact_or_refused(self, number: int) -> None:
        fits = -(2**63) <= number < 2**63
        for text in (str(number), f"{number}.0", f"{number}.000"):
            value, problem = typed(Field("n", "BIGINT", "a value"), text)
            assert value == (number if fits else None)
            assert (problem is None) == fits

    @settings(max_examples=examples(100), deadline=None)
    @given(st.integers(-(2**31), 2**31 - 1), st.integers(1, 999))
    def test_a_fraction_is_never_rounded_away(self, whole: int, thousandths: int) -> None:
        value, problem = typed(Field("n", "INTEGER", "a value"), f"{whole}.{thousandths:03d}")
        assert value is None
        assert problem is not None

    def test_an_alias_stands_in_for_the_name(self) -> None:
        item = Field("at", "INTEGER", "a value", is_required=True, aliases=("t", "T"))
        assert typed(item, None, None, "3") == (3, None)
        assert typed(item, " ", "2", "3") == (2, None)
        assert typed(item, "1", "2", "3") == (1, None)
        assert typed(item, None, None, None)[1] == "at is missing: expected a value"
        # The first that is there counts, also where it is wrong: the contradiction is the provider's.
        assert typed(item, "x", "2", None)[1] == "at is 'x': expected a value"

    def test_a_check_is_named_with_what_was_expected(self) -> None:
        item = Field("level", "TINYINT", "1, 2 or 3", check="{value} between 1 and 3")
        assert typed(item, "3") == (3, None)
        assert typed(item, "4")[1] == "level is '4': expected 1, 2 or 3"

    def test_quotes_and_braces_are_text(self) -> None:
        item = Field("n", "INTEGER", "a 'value' in {braces}")
        assert typed(item, "it's {}")[1] == "n is 'it's {}': expected a 'value' in {braces}"

    def test_of_a_long_value_the_beginning_is_shown(self) -> None:
        _, problem = typed(Field("n", "INTEGER", "a value"), "x" * 100_000)
        assert problem is not None
        assert len(problem) < 200

    def test_everything_that_is_wrong_is_named(self) -> None:
        columns, problem = typing_sql(ECG_RUN_HEADER, "2026-11-22")
        row = duckdb.execute(
            f"select {problem} from (select '0' as value_0, 'furlong' as value_1, '31.02.2005' as value_2, "
            "'x' as value_3, null::varchar as value_4)"
        ).fetchone()
        assert len(columns) == 5
        assert row == (
            "fs is '0': expected a sampling rate in Hz between 50 and 100000; units is 'furlong': expected mV or uV; "
            "date is '31.02.2005': expected a day as DD.MM.YYYY or YYYY-MM-DD that is not in the future; "
            "age is 'x': expected an age in whole years",
        )


def test_a_record_is_what_it_says() -> None:
    assert next(scan_records(b' {"a": "b"}')) == Record(1, '{"a": "b"}', {"a": "b"})


class TestCsv:
    """Lines of values under a header line; what is broken is given back with its line."""

    FIELDS = (
        Field("id", "BIGINT", "a whole number", is_required=True),
        Field("name", "VARCHAR", "a name", aliases=("first_name",)),
    )
    ROWS: ClassVar = [{"id": "1", "name": "Ada"}, {"id": "2", "name": "Ben, jr."}]

    def scan(self, content: bytes) -> list[Record]:
        return list(scan_csv(content, self.FIELDS))

    @pytest.mark.parametrize(
        "content",
        [
            b'id,name\n1,Ada\n2,"Ben, jr."\n',
            b'id,name\n1,Ada\n2,"Ben, jr."',
            b'id,name\r\n1,Ada\r\n2,"Ben, jr."\r\n',
            b"id;name\n1;Ada\n2;Ben, jr.\n",
            b"id\tname\n1\tAda\n2\tBen, jr.\n",
            b'\xef\xbb\xbfid,name\n\n1,Ada\n , \n2,"Ben, jr."\n\n',
            b'\n id ,name\n1,Ada\n2,"Ben, jr."\n',
        ],
    )
    def test_every_form_in_which_lines_come(self, content: bytes) -> None:
        found = self.scan(content)
        assert [record.values for record in found] == self.ROWS
        assert [record.problem for record in found] == [None, None]

    @pytest.mark.parametrize("content", [b"", b"\n", b"\xef\xbb\xbf", b"id,name\n", b"id,name\n\n,\n"])
    def test_a_file_of_nothing_has_no_record(self, content: bytes) -> None:
        assert self.scan(content) == []

    def test_a_value_may_go_over_lines(self) -> None:
        (one, two) = self.scan(b'id,name\n1,"Ada\nLovelace"\n2,Ben\n')
        assert (one.line_number, one.values["name"]) == (2, "Ada\nLovelace")
        assert (two.line_number, two.raw_text) == (4, "2,Ben")

    def test_what_is_broken_is_given_with_its_line_and_the_rest_is_read(self) -> None:
        content = b'id,name\n1,Ada\n2\n3,Cleo,x\n4,"Dan" x\n5,\xff\n6,"Eve\n7,Fay\n'
        found = self.scan(content)
        assert [record.values["id"] for record in found if not record.problem] == ["1", "7"]
        assert [(record.line_number, record.raw_text, record.problem) for record in found if record.problem] == [
            (3, "2", "it has 1 values: expected 2, one for each name of the header line"),
            (4, "3,Cleo,x", "it has 3 values: expected 2, one for each name of the header line"),
            (5, '4,"Dan" x', "it is not valid CSV: ',' expected after '\"'"),
            (6, "5,\\xff", "it is not valid UTF-8"),
            (7, '6,"Eve', "it is not valid CSV: unexpected end of data"),
        ]

    def test_a_header_line_without_a_required_name_refuses_the_file(self) -> None:
        (found,) = self.scan(b"number,name\n1,Ada\n2,Ben\n")
        assert (found.line_number, found.problem) == (1, "its header line has no id: expected id, name")
        assert [record.problem for record in self.scan(b"id,first_name\n1,Ada\n")] == [None]

    def test_utf16_is_refused(self) -> None:
        (found,) = self.scan("id,name\n1,Ada\n".encode("utf-16"))
        assert found.problem == "it is UTF-16 text: save it as UTF-8"

    def test_of_a_name_that_stands_twice_the_first_counts(self) -> None:
        assert [record.values for record in self.scan(b"id,name,id\n1,Ada,9\n")] == [{"id": "1", "name": "Ada"}]

    @settings(max_examples=examples(50), deadline=None)
    @given(st.lists(st.tuples(st.integers(1, 99), st.text("ab,;\"'\n\r é", max_size=8)), max_size=5))
    def test_what_is_written_is_read(self, rows: list[tuple[int, str]]) -> None:
        out = io.StringIO(newline="")
        csv.writer(out).writerows([("id", "name"), *rows])
        found = self.scan(out.getvalue().encode())
        assert [(int(record.values["id"] or 0), record.values["name"]) for record in found] == rows
        assert [record.problem for record in found] == [None] * len(rows)


def test_input_that_a_receiver_rejected_has_his_reason_and_text() -> None:
    keys = RejectedRecordKeys(reason="_why", raw_text="_input")
    content = json.dumps({"_why": "it is not valid UTF-8", "_input": "\x00\\xff" + "x" * 20_000}).encode()
    good, refused, other = scan_records(b'{"n": 1}\n' + content + b'\n{"n": 3}\n', keys)
    assert (good.problem, other.problem) == (None, None)
    assert (refused.line_number, refused.problem) == (2, "it is not valid UTF-8")
    assert refused.raw_text.startswith("\\x00\\xffx")
    assert len(refused.raw_text) <= RAW_TEXT_CHARACTERS + len("\\x00")
