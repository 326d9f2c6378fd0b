"""JSON records out of raw files, in two gears that agree.

The bulk gear lets DuckDB read many large files at once; it is fast, and says nothing about what it could not read.
The careful gear reads one file in Python and knows the line and the text of whatever is wrong. Both give the same
thing: the text of each value, one row a record. What the values must be is decided once, in `typing_sql`.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestration.lib.sources import Entity, Field

# How much of a line that is refused is kept: enough to recognise it, not the whole of a 100 MB file of zeros.
RAW_TEXT_CHARACTERS = 10_000

_BETWEEN_RECORDS = re.compile(r"[\s,\[\]]*")
# Where a broken record ends: before a line that begins another one, or between two objects on one line.
_RECORD_END = re.compile(r"\n(?=\s*(?:[\[\]{]|$))|(?<=\})(?=[\s,]*\{)")
_NO_RECORD_END = re.compile(r"\n|(?=\{)")
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


@dataclass(frozen=True)
class Record:
    """One record of a file, or a piece of the file that is none (``problem`` says why)."""

    line_number: int
    raw_text: str
    values: dict[str, str | None]
    problem: str | None = None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


# Numbers stay text: whether a value fits its type is for the contract to say. Of a repeated key the first counts, as
# in DuckDB.
_DECODER = json.JSONDecoder(
    parse_float=str,
    parse_int=str,
    parse_constant=_refuse_constant,
    object_pairs_hook=lambda pairs: dict(reversed(pairs)),
)


def scan_records(content: bytes) -> Iterator[Record]:
    """Read JSON objects one a line, in an array, or one after another; what is broken is given back, never skipped.

    Parameters
    ----------
    content
        A whole file. An empty one gives no record.
    """
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        yield Record(1, printable(content[:200].decode("latin-1")), {}, "it is UTF-16 text: save it as UTF-8")
        return
    text = content.decode("utf-8-sig", "surrogateescape")
    position, line_number, counted = 0, 1, 0
    while True:
        found = _BETWEEN_RECORDS.match(text, position)
        position = found.end() if found else position
        if position >= len(text):
            return
        line_number += text.count("\n", counted, position)
        counted = position
        values: dict[str, str | None] = {}
        problem = None
        if text[position] == "{":
            try:
                found_object, end = _DECODER.raw_decode(text, position)
                values = {key: _value_text(value) for key, value in found_object.items()}
                if _SURROGATE.search(text, position, end):
                    problem = "it is not valid UTF-8"
            except RecursionError:
                problem, end = "it is nested too deeply", _end_of(_RECORD_END, text, position)
            except UnicodeEncodeError:
                problem = "it has an invalid Unicode escape"
            except ValueError as error:
                end = _end_of(_RECORD_END, text, position)
                message = getattr(error, "msg", None) or str(error)
                cut = " (the file ends within it)" if end == len(text) else ""
                problem = f"it is not a valid JSON object: {message}{cut}"
        else:
            end = _end_of(_NO_RECORD_END, text, position)
            problem = "it is not a JSON object"
        yield Record(line_number, printable(text[position : min(end, position + RAW_TEXT_CHARACTERS)]), values, problem)
        position = max(end, position + 1)


def _end_of(pattern: re.Pattern[str], text: str, position: int) -> int:
    found = pattern.search(text, position + 1)
    return found.start() if found else len(text)


def _value_text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        value.encode()  # a lone surrogate cannot be stored
        return value
    return json.dumps(value)


def printable(text: str) -> str:
    """Text that can be stored and shown: bytes that are not UTF-8 and control characters become escapes."""
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def value_columns(entity: Entity) -> list[str]:
    """Every key of the entity's records, aliases included."""
    return [key for item in entity.fields for key in item.keys]


def typing_sql(entity: Entity, today: str) -> tuple[list[str], str]:
    """SQL that turns the texts of a record into typed columns, and SQL that says what is wrong with it (null: nothing).

    Parameters
    ----------
    today
        Today's date, UTC, as ``YYYY-MM-DD``.
    """
    columns = [f'{_cast(item)} as "{item.name}"' for item in entity.fields]
    problems = [_problem(item, today) for item in entity.fields]
    return columns, f"nullif(concat_ws('; ', {', '.join(problems)}), '')" if problems else "null"


def _text(item: Field) -> str:
    keys = [f"nullif(trim(\"{key}\"), '')" for key in item.keys]
    return keys[0] if len(keys) == 1 else f"coalesce({', '.join(keys)})"


def _cast(item: Field) -> str:
    value = _text(item)
    if item.cast:
        return f"({item.cast.format(value=value)})"
    if item.type == "VARCHAR":
        return value
    if item.type in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT"):
        # DuckDB would round 2.7 to 3: a whole number is one whose decimals, if any, are zero.
        return (
            f"(case when not regexp_matches({value}, '[.eE]') then try_cast({value} as {item.type}) "
            f"when try_cast({value} as double) = trunc(try_cast({value} as double)) "
            f"then try_cast(try_cast({value} as double) as {item.type}) end)"
        )
    if item.type == "DOUBLE":
        return f"(case when isfinite(try_cast({value} as double)) then try_cast({value} as double) end)"
    return f"try_cast({value} as {item.type})"


def _problem(item: Field, today: str) -> str:
    value, cast = _text(item), _cast(item)
    expected = f"expected {item.expected}"
    missing = wrong_value = ""
    if item.is_required:
        missing = f"when {value} is null then " + _quoted(f"{item.name} is missing: {expected}")
    if item.check:
        wrong_value = " or not (" + item.check.format(value=cast, today=f"{_quoted(today)}::date") + ")"
    wrong = f"format('{{}} is ''{{}}'': {{}}', {_quoted(item.name)}, left({value}, 100), {_quoted(expected)})"
    return f"case {missing} when {value} is not null and ({cast} is null{wrong_value}) then {wrong} end"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def bulk_sql(entity: Entity, files: Sequence[str]) -> str:
    """SQL of the bulk gear: the text of every value, one row a record, with ``filename`` and the order of reading."""
    columns = ", ".join(f"{_quoted(key)}: 'VARCHAR'" for key in value_columns(entity))
    listed = ", ".join(_quoted(path) for path in files)
    return (
        "select *, row_number() over () as position "
        f"from read_json([{listed}], columns = {{{columns}}}, format = 'auto', ignore_errors = true, filename = true, "
        # Or the folder `clinic=…` would overwrite a record's own value `clinic`.
        "hive_partitioning = false)"
    )
