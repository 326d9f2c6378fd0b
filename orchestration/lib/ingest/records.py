"""Read the records of a raw file, JSON or CSV, on the strict path: with line, text and reason of whatever is wrong.

The fast path (`bulk`) gives the same: the text of each value, one row a record. What the values must be is decided
once, in `typing_sql`.
"""

import csv
import io
import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestration.lib.contract.entity import Entity, Field, RejectedRecordKeys

# How much of a rejected line is kept: enough to recognise it, not the whole of a 100 MB file of zeros.
RAW_TEXT_CHARACTERS = 10_000
_BETWEEN_RECORDS = re.compile(r"[\s,\[\]]*")
# Where a broken record ends: before a line that begins another one, or between two objects on one line. Possessive, and
# started only where white space begins: however much of that there is, it is read once.
_RECORD_END = re.compile(r"(?<=\S)[^\S\n]*+\n\s*+(?=[\[\]{]|\Z)|(?<=\})(?=[\s,]*+\{)")
# Between the values of a CSV file; the one that its header line has most of.
_DELIMITERS = ",;\t"
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


@dataclass(frozen=True)
class Record:
    """One record of a file, or a piece of the file that is no record (``problem`` says why)."""

    line_number: int
    raw_text: str
    values: dict[str, str | None]
    problem: str | None = None


class _Number(str):
    """A number as DuckDB writes it."""


class _Object(list[tuple[str, object]]):
    """An object inside a record, as pairs: a repeated key stays repeated, as in DuckDB."""


def _integer(text: str) -> _Number:
    return _Number("0" if text == "-0" else text)


def _decimal(text: str) -> _Number:
    value = float(text)
    return _Number(text if math.isinf(value) else repr(value))


# Numbers stay text: whether a value fits its type is for the contract to say, and so it is for NaN and Infinity.
_DECODER = json.JSONDecoder(parse_float=_decimal, parse_int=_integer, parse_constant=_Number, object_pairs_hook=_Object)
# A decoder that fails counts the lines before the place: in a slice of the file that costs little. Most records fit the
# first; a file of nothing but broken records takes no longer than its size says.
_SLICES = (4 * 2**10, 256 * 2**10)
# What a decoder may want to see behind the place of an error before it can tell: a literal, or a pair of \uXXXX.
_LOOKAHEAD = 16
_TOO_DEEP = "it is nested too deeply"


def scan_records(content: bytes, rejected_record_keys: RejectedRecordKeys | None = None) -> Iterator[Record]:
    """Read JSON objects one a line, in an array, or one after another; a broken piece is returned, never skipped.

    Parameters
    ----------
    content
        A whole file. An empty one gives no record.
    rejected_record_keys
        Keys of the objects that stand for input which a receiver has rejected.
    """
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        yield Record(1, escape_unprintable(content[:200].decode("latin-1")), {}, "it is UTF-16 text: save it as UTF-8")
        return
    text = content.decode("utf-8-sig", "surrogateescape")
    is_utf8 = _SURROGATE.search(text) is None
    position, line_number, counted = 0, 1, 0
    while True:
        separator = _BETWEEN_RECORDS.match(text, position)
        position = separator.end() if separator else position
        if position >= len(text):
            return
        line_number += text.count("\n", counted, position)
        counted = position
        values: dict[str, str | None] = {}
        problem = None
        if text[position] == "{":
            try:
                pairs, end = _decode(text, position)
            except RecursionError:
                problem, end = _TOO_DEEP, _broken_end(text, position)
            except json.JSONDecodeError as error:
                end = _broken_end(text, position)
                cut = " (the file ends within it)" if end == len(text) else ""
                problem = f"it is not a valid JSON object: {error.msg}{cut}"
            else:
                values, problem = _values(pairs)
                if not is_utf8 and _SURROGATE.search(text, position, end):
                    problem = "it is not valid UTF-8"
        else:
            end = _junk_end(text, position)
            problem = "it is not a JSON object"
        raw_text = text[position : min(end, position + RAW_TEXT_CHARACTERS)]
        if problem is None and rejected_record_keys and (reason := values.get(rejected_record_keys.reason)):
            problem, raw_text = reason, (values.get(rejected_record_keys.raw_text) or "")[:RAW_TEXT_CHARACTERS]
        yield Record(line_number, escape_unprintable(raw_text), values, problem)
        position = max(end, position + 1)


def scan_csv(content: bytes, fields: Sequence[Field]) -> Iterator[Record]:
    """Read the lines of a CSV file as records (RFC 4180; also with semicolons or tabs between the values).

    Parameters
    ----------
    content
        A whole file, its first line the names of the values. An empty one gives no record.
    fields
        What the records should have. A header line without a required one is given back as the file's only record,
        with that problem; a record that has not one value for each name, likewise, beside the good ones.
    """
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        yield Record(1, escape_unprintable(content[:200].decode("latin-1")), {}, "it is UTF-16 text: save it as UTF-8")
        return
    rows = _csv_rows(content.decode("utf-8-sig", "surrogateescape"))
    header = next(rows, None)
    if header is None:
        return
    line_number, raw_text, names, problem = header
    names = [name.strip() for name in names]
    missing = [item.name for item in fields if item.is_required and not set(item.keys) & set(names)]
    if problem is None and missing:
        problem = f"its header line has no {', '.join(missing)}: expected {', '.join(item.name for item in fields)}"
    if problem:
        yield Record(line_number, escape_unprintable(raw_text), {}, problem)
        return
    for line_number, raw_text, cells, problem in rows:
        if problem is None and len(cells) != len(names):
            problem = f"it has {len(cells)} values: expected {len(names)}, one for each name of the header line"
        elif problem is None and _SURROGATE.search(raw_text):
            problem = "it is not valid UTF-8"
        # Of a repeated name the first counts, as of a repeated key.
        values: dict[str, str | None] = {} if problem else dict(zip(reversed(names), reversed(cells), strict=True))
        yield Record(line_number, escape_unprintable(raw_text[:RAW_TEXT_CHARACTERS]), values, problem)


def _csv_rows(text: str) -> Iterator[tuple[int, str, list[str], str | None]]:
    """Yield line number, text, values and problem of each row that is not blank; a broken line is a row too."""
    lines = list(io.StringIO(text, newline=""))
    delimiter = max(_DELIMITERS, key=next((line for line in lines if line.strip()), "").count)
    start = 0
    while start < len(lines):
        first = start
        reader = csv.reader((lines[i] for i in range(first, len(lines))), delimiter=delimiter, strict=True)
        try:
            for cells in reader:
                end = first + reader.line_num
                if any(cell.strip() for cell in cells):
                    yield start + 1, "".join(lines[start:end]).rstrip("\r\n"), cells, None
                start = end
        except csv.Error as error:
            # A quote that is never closed reaches to the end: its own line is refused, not all that follow.
            yield start + 1, lines[start].rstrip("\r\n"), [], f"it is not valid CSV: {error}"
            start += 1


def _decode(text: str, position: int) -> tuple[_Object, int]:
    """Decode the object that begins at a position; also give the position of its end."""
    for size in _SLICES:
        piece = text[position : position + size]
        try:
            pairs, length = _DECODER.raw_decode(piece)
            return pairs, position + length
        except json.JSONDecodeError as error:
            if len(piece) < size or (error.pos < size - _LOOKAHEAD and not error.msg.startswith("Unterminated string")):
                raise
    return _DECODER.raw_decode(text, position)


def _values(pairs: _Object) -> tuple[dict[str, str | None], str | None]:
    """Return the text of each value, or a problem. Of a repeated key the first counts, as in DuckDB."""
    try:
        return {key: _value_text(value) for key, value in reversed(pairs)}, None
    except RecursionError:
        return {}, _TOO_DEEP
    except UnicodeEncodeError:
        return {}, "it has an invalid Unicode escape"


def _broken_end(text: str, position: int) -> int:
    record_end = _RECORD_END.search(text, position + 1)
    return record_end.start() if record_end else len(text)


def _junk_end(text: str, position: int) -> int:
    line_end = text.find("\n", position + 1)
    if line_end < 0:
        line_end = len(text)
    brace = text.find("{", position + 1, line_end)
    return line_end if brace < 0 else brace


def _value_text(value: object) -> str | None:
    """Write the text of a value as DuckDB does."""
    if value is None:
        return None
    text = value if isinstance(value, str) else _json_text(value)
    text.encode()  # a lone surrogate cannot be stored
    return text


def _json_text(value: object) -> str:
    if isinstance(value, _Number):
        return value
    if isinstance(value, _Object):
        return "{" + ",".join(f"{_json_text(key)}:{_json_text(item)}" for key, item in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_json_text, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def escape_unprintable(text: str) -> str:
    """Make text that can be stored and shown: bytes that are not UTF-8, and control characters, become escapes."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", _SURROGATE.sub(_escape, text))


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    # Python's `surrogateescape` keeps the byte 0x80 as U+DC80, and so on.
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"


def scan(content: bytes, entity: Entity) -> Iterator[Record]:
    """Read a file's records in the entity's format."""
    if entity.file_format == "csv":
        return scan_csv(content, entity.fields)
    return scan_records(content, entity.rejected_record_keys)
