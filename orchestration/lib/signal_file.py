"""Reads an ECG signal file: a header line ``ecg_raw``, then one value a line. Blank lines and NaN are gaps."""

import re

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv

from orchestration.lib.readers import RAW_TEXT_CHARACTERS, printable

COLUMN = "ecg_raw"
_HEADER = re.compile(rf'\s*"?{COLUMN}"?\s*', re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_GAP = frozenset({"", "nan", "na", "null"})
# The fast reader takes these bytes and no other; anything else is for the careful one to name.
_PLAIN = b"0123456789+-.eE\r\n"

# Arrow parses floats twice as fast as numpy (0.35 against 0.65 ms for 10,000 values), and other threads run meanwhile.
_CONVERT = csv.ConvertOptions(column_types={COLUMN: pa.float64()})


class BadSignal(ValueError):
    """A signal file that cannot be read, with the line and the text that are to blame."""

    def __init__(self, line_number: int, raw_text: str, reason: str) -> None:
        super().__init__(reason)
        self.line_number, self.reason = line_number, reason
        self.raw_text = printable(raw_text[:RAW_TEXT_CHARACTERS])


def read_signal(content: bytes) -> npt.NDArray[np.float64]:
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
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise BadSignal(1, content[:200].decode("latin-1"), "it is UTF-16 text: save it as UTF-8")
    content = content.removeprefix(b"\xef\xbb\xbf")
    if not content or content.isspace():
        raise BadSignal(1, "", f"it is empty: expected a header line {COLUMN} and one value a line")
    first, _, body = content.partition(b"\n")
    _check_header(first[: 2 * RAW_TEXT_CHARACTERS].decode("utf-8", "replace"))
    body = body.rstrip()
    if not body:
        return np.empty(0)
    # A carriage return alone ends a line for the fast reader, but not for the careful one.
    if not body.translate(None, _PLAIN) and (b"\r" not in body or body.count(b"\r") == body.count(b"\r\n")):
        try:
            column = csv.read_csv(pa.py_buffer(body), _read_options(body), convert_options=_CONVERT).column(0)
        except pa.ArrowInvalid:
            return _read_carefully(body)
        values: npt.NDArray[np.float64] = column.to_numpy()
        line_count = np.count_nonzero(np.frombuffer(body, np.uint8) == ord("\n")) + 1  # ten times as fast as count()
        if len(values) == line_count and np.isfinite(values).all():
            return values
    return _read_carefully(body)


def _read_options(body: bytes) -> csv.ReadOptions:
    """One block, so that the values come as one array."""
    return csv.ReadOptions(use_threads=False, column_names=[COLUMN], block_size=len(body) + 1)


def _check_header(line: str) -> None:
    if _HEADER.fullmatch(line):
        return
    if re.search(r"[,;\t]", line):
        raise BadSignal(1, line, f"it has more than one column: expected one column {COLUMN}")
    if _NUMBER.fullmatch(line.strip()):
        raise BadSignal(1, line, f"it has no header line: expected {COLUMN} on the first line")
    raise BadSignal(1, line, f"its header line is not {COLUMN}")


def _read_carefully(body: bytes) -> npt.NDArray[np.float64]:
    """Read line by line, to find gaps and to name the line that is no number."""
    values = []
    for line_number, raw in enumerate(body.split(b"\n"), start=2):
        text = raw.decode("utf-8", "surrogateescape").strip(" \t\r")
        if text.lower() in _GAP:
            values.append(np.nan)
            continue
        value = float(text) if len(text) < 64 and _NUMBER.fullmatch(text) else np.inf  # 64: far beyond any real number
        if np.isinf(value):
            expected = "one column" if re.search(r"[,;\t]", text) else "a finite number"
            raise BadSignal(line_number, text, f"expected {expected}, got '{printable(text[:40])}'")
        values.append(value)
    return np.array(values)
