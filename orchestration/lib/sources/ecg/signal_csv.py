"""Reads an ECG signal file: a header line ``ecg_raw``, then one value a line. Blank lines and NaN are gaps."""

import math
import re
from codecs import BOM_UTF8
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.lib.ingest.records import RAW_TEXT_CHARACTERS, escape_unprintable

COLUMN = "ecg_raw"
_HEADER = re.compile(rf'\s*"?{COLUMN}"?\s*', re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_GAP = frozenset({"", "nan", "na", "null"})

# Texts are parsed in blocks of about so much, which bounds what is needed beside text and values, and stays in the
# caches: a quarter less time than in one go where two threads parse.
BLOCK_BYTES = 2**19


FloatArray = npt.NDArray[np.float64]


class BadSignal(ValueError):
    """A signal file that cannot be read, with the line and the text that are to blame."""

    def __init__(self, line_number: int, raw_text: str, reason: str) -> None:
        super().__init__(reason)
        self.line_number, self.reason = line_number, reason
        self.raw_text = escape_unprintable(raw_text[:RAW_TEXT_CHARACTERS])


def read_signals(contents: Sequence[bytes]) -> list[FloatArray | BadSignal]:
    """Read signal files, each as :func:`read_signal` does; what that would raise stands in its place.

    Together they take two thirds of the time that they take one by one.
    """
    bodies = [_well_formed_body(content) for content in contents]
    parsed = iter(_parse([body for body in bodies if body is not None]))
    return [
        _read_carefully(content) if body is None or (values := next(parsed)) is None else values
        for content, body in zip(contents, bodies, strict=True)
    ]


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
    (signal,) = read_signals([content])
    if isinstance(signal, BadSignal):
        raise signal
    return signal


def _well_formed_body(content: bytes) -> bytes | None:
    """What follows the header line, if the fast reader can be trusted with it."""
    start = content.find(b"\n") + 1
    stop = len(content)
    while stop > start and content[stop - 1 : stop].isspace():
        stop -= 1
    # one copy: of a day's recording each is 150 MB
    body = content[start:stop]
    if not start or not body or not _HEADER.fullmatch(content[: start - 1].removeprefix(BOM_UTF8).decode("latin-1")):
        return None
    return body


def _parse(bodies: list[bytes]) -> list[FloatArray | None]:
    """The values of each body, None where one is no finite number on each line."""
    if not bodies:
        return []
    ends = np.cumsum([_line_count(body) for body in bodies])
    values = _numbers(b"\n".join(bodies), int(ends[-1]))
    if values is not None and np.isfinite(values).all():
        return list(np.split(values, ends[:-1]))
    return [None] if len(bodies) == 1 else [values for body in bodies for values in _parse([body])]


def _numbers(text: bytes, line_count: int) -> FloatArray | None:
    """The number on each line of a text, None where Arrow sees none on one of them.

    Arrow reads numbers twice as fast as numpy, and lets other threads run; its CSV reader is a third slower than this.
    """
    buffer, values, count, start = pa.py_buffer(text), np.empty(line_count), 0, 0
    while count < line_count:
        stop = text.find(b"\n", start + BLOCK_BYTES)
        size = (stop if stop >= 0 else len(text)) - start
        breaks = np.flatnonzero(np.frombuffer(text, np.uint8, size, start) == ord("\n"))
        offsets = np.concatenate([[0], breaks + 1, [size]], dtype=np.int32)
        lines = pa.StringArray.from_buffers(len(breaks) + 1, pa.py_buffer(offsets), buffer.slice(start, size))
        try:
            numbers = pc.cast(pc.ascii_trim(lines, " \t\r\n"), pa.float64())
        except pa.ArrowInvalid:
            return None
        values[count : count + len(numbers)] = numbers
        count, start = count + len(numbers), start + size + 1
    return values


def _line_count(body: bytes) -> int:
    """Lines of a text that does not end with a line break; ten times as fast as ``count``."""
    characters = np.frombuffer(body, np.uint8)
    blocks = (characters[at : at + BLOCK_BYTES] for at in range(0, len(characters), BLOCK_BYTES))
    return sum(int(np.count_nonzero(block == ord("\n"))) for block in blocks) + 1


def _read_carefully(content: bytes) -> FloatArray | BadSignal:
    """Read line by line, to find gaps and to name what is wrong."""
    try:
        return _read_lines(content)
    except BadSignal as bad:
        return bad


def _read_lines(content: bytes) -> FloatArray:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise BadSignal(1, content[:200].decode("latin-1"), "it is UTF-16 text: save it as UTF-8")
    content = content.removeprefix(BOM_UTF8)
    if not content or content.isspace():
        raise BadSignal(1, "", f"it is empty: expected a header line {COLUMN} and one value a line")
    first, _, body = content.partition(b"\n")
    _check_header(first[: 2 * RAW_TEXT_CHARACTERS].decode("utf-8", "replace"))
    body = body.rstrip()
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
        return float("nan")
    value = float(text) if len(text) < 64 and _NUMBER.fullmatch(text) else math.inf  # 64: far beyond any real number
    if math.isinf(value):
        expected = "one column" if re.search(r"[,;\t]", text) else "a finite number"
        raise BadSignal(line_number, text, f"expected {expected}, got '{escape_unprintable(text[:40])}'")
    return value
