"""Files that were cut off in their last record: what is whole of them can be read in bulk, the rest with care."""

import os
import re
import tempfile
from dataclasses import dataclass
from typing import IO

from orchestration.lib.lake.files import Lake

# What may follow the last record of a file, and how much of it is looked at.
_AFTER_A_RECORD = b" \t\r\n,]"
_TAIL_BYTES = 64
# The last place where one record ends and another begins lies no further from the end: a record has some 300 bytes.
_LAST_RECORD_BYTES = 1 << 20
_BETWEEN_RECORDS = re.compile(rb"\}[\s,]*(?=\{)")
_COPY_BYTES = 1 << 20


@dataclass(frozen=True)
class WholePart:
    """A copy of a file's beginning up to the record in which the file was cut off.

    It has no name, so that nothing is left of it however this process ends. ``size_bytes`` and ``line_count`` say where
    the rest begins.
    """

    copy: IO[bytes]
    size_bytes: int
    line_count: int

    @property
    def path(self) -> str:
        """Where this process can open it."""
        return f"/proc/self/fd/{self.copy.fileno()}"


def ends_with_a_record(lake: Lake, raw_path: str) -> bool:
    """Whether a JSON file may be whole, by its last bytes.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with lake.open(raw_path) as file:
        size_bytes = file.seek(0, os.SEEK_END)
        file.seek(max(0, size_bytes - _TAIL_BYTES))
        return file.read().rstrip(_AFTER_A_RECORD).endswith(b"}")


def whole_part(lake: Lake, raw_path: str) -> WholePart | None:
    """Copy what comes before the last record; ``None`` if no beginning of one is found.

    Whether that was the beginning of a record, and not of an object within one, whoever reads the copy sees: else it is
    not whole.

    Raises
    ------
    OSError
        If the file cannot be read, or there is no room for the copy.
    """
    with lake.open(raw_path) as file:
        begin = max(0, file.seek(0, os.SEEK_END) - _LAST_RECORD_BYTES)
        file.seek(begin)
        places = [found.end() for found in _BETWEEN_RECORDS.finditer(file.read())]
        if not places:
            return None
        size_bytes, line_count = begin + places[-1], 0
        copy = tempfile.TemporaryFile()  # noqa: SIM115 (closed when the load that reads it is over)
        file.seek(0)
        remaining = size_bytes
        while remaining and (piece := file.read(min(remaining, _COPY_BYTES))):
            copy.write(piece)
            line_count += piece.count(b"\n")
            remaining -= len(piece)
        copy.flush()
    return WholePart(copy, size_bytes, line_count)
