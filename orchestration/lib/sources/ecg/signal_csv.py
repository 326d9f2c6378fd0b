"""Read ECG signal files: a header line ``ecg_raw``, then one value a line. Blank lines and NaN are gaps.

The fast path gives Arrow's CSV reader files of numbers without gaps, which nearly all are. What it does not take, the
strict path reads line by line, to find gaps and to name what is wrong.
"""

import math
import re
from codecs import BOM_UTF8
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv

from orchestration.lib.ingest.records import RAW_TEXT_CHARACTERS, escape_unprintable

COLUMN = "ecg_raw"
_HEADER = re.compile(rf'\s*"?{COLUMN}"?\s*', re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_GAP = frozenset({"", "nan", "na", "null"})

# Arrow parses text in blocks of this size, which bounds the memory that it needs beside text and values.
BLOCK_BYTES = 2**20

FloatArray = npt.NDArray[np.float64]


class BadSignal(ValueError):
    """A signal file that cannot be read, with the line and the text that are to blame."""

    def __init__(self, line_number: int, raw_text: str, reason: str) -> None:
        super().__init__(reason)
        self.line_number, self.reason = line_number, reason
        self.raw_text = escape_unprintable(raw_text[:RAW_TEXT_CHARACTERS])


def read_signals(contents: Sequence[bytes]) -> list[FloatArray | BadSignal]:
    """Read signal files, each as :func:`read_signal` does; an error that it would raise stands in its place."""
    return [_read(content) for content in contents]


def read_signal(content: bytes) -> FloatArray:
    """Read the samples of a signal file, in the file's own unit.

    Parameters
    ----------
    content
        The whole file.

    Returns
    -------
    Samples, shape ``(n_samples,)``; NaN where the file has a gap.

    Raises
    ------
    BadSignal
        If the file is empty, has no header line ``ecg_raw``, more than one column, or a value that is no finite number.
    """
    signal = _read(content)
    if isinstance(signal, BadSignal):
        raise signal
    return signal


def _read(content: bytes) -> FloatArray | BadSignal:
    values = _read_numbers(content)
    if values is not None:
        return values
    try:
        return _read_lines(content)
    except BadSignal as bad:
        return bad


def _read_numbers(content: bytes) -> FloatArray | None:
    """Read a file of finite numbers, one a line; None where it is anything else, which the strict path then reads."""
    title = _title(content.removeprefix(BOM_UTF8)) if b"\n" in content else ""
    if not _HEADER.fullmatch(title) or _has_lone_carriage_return(content):
        return None
    try:
        table = csv.read_csv(
            pa.BufferReader(content),
            # no threads of Arrow's own: the transform reads several files at once
            csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES, skip_rows=1, column_names=[COLUMN]),
            csv.ParseOptions(quote_char=False, ignore_empty_lines=False),
            csv.ConvertOptions(column_types={COLUMN: pa.float64()}, null_values=[]),
        )
    except pa.ArrowInvalid:
        return None
    values: FloatArray = table[COLUMN].to_numpy()
    return values if np.isfinite(values).all() else None


def _title(content: bytes) -> str:
    """Decode the first line of a file, of a long one the beginning."""
    return content[: 2 * RAW_TEXT_CHARACTERS].split(b"\n", 1)[0].decode("utf-8", "replace")


def _has_lone_carriage_return(content: bytes) -> bool:
    """Return whether a carriage return stands without a line feed: Arrow takes it for a line break, and it is none."""
    return b"\r" in content and content.count(b"\r") != content.count(b"\r\n")


def _read_lines(content: bytes) -> FloatArray:
    """Read line by line: accept gaps, and name the line that is wrong."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise BadSignal(1, content[:200].decode("latin-1"), "it is UTF-16 text: save it as UTF-8")
    content = content.removeprefix(BOM_UTF8)
    if not content or content.isspace():
        raise BadSignal(1, "", f"it is empty: expected a header line {COLUMN} and one value a line")
    _check_header(_title(content))
    body = content.partition(b"\n")[2].rstrip()
    return np.array([_value(line, raw) for line, raw in enumerate(body.split(b"\n"), start=2)] if body else [], float)


def _check_header(line: str) -> None:
    if _HEADER.fullmatch(line):
        return
    if re.search(r"[,;\t]", line):
        raise BadSignal(1, line, f"it has more than one column: expected one column {COLUMN}")
    if _NUMBER.fullmatch(line.strip()):
        raise BadSignal(1, line, f"it has no header line: expected {COLUMN} on the first line")
    raise BadSignal(1, line, f"its header line is not {COLUMN}")


def _value(line_number: int, raw: bytes) -> float:
    text = raw.decode("utf-8", "surrogateescape").strip(" \t\r")
    if text.lower() in _GAP:
        return math.nan
    value = float(text) if _NUMBER.fullmatch(text) else math.inf
    if math.isinf(value):
        expected = "one column" if re.search(r"[,;\t]", text) else "a finite number"
        raise BadSignal(line_number, text, f"expected {expected}, got '{escape_unprintable(text[:40])}'")
    return value
