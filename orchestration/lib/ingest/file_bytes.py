"""Read the bytes of raw files, unpacked, some files at a time."""

import gzip
import zlib
from collections.abc import Iterator, Sequence

from orchestration.lib.catalog.load_report import FileResult
from orchestration.lib.catalog.load_transaction import PendingFile
from orchestration.lib.lake.files import Lake


def read_unpacked(lake: Lake, file: PendingFile, result: FileResult) -> bytes | None:
    """Read a file's bytes, unpacked if its name ends in ``.gz``; if that fails, note why in its result."""
    try:
        content = lake.read_bytes(file.raw_path)
        return gzip.decompress(content) if file.raw_path.endswith(".gz") else content
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        result.reason = f"it is no whole gzip file ({str(error).rstrip('.')}): pack and deliver it again"
    except OSError as error:
        result.reason = f"it cannot be read ({error.strerror})"
    return None


def in_chunks(files: Sequence[PendingFile], size_bytes: int, count: int) -> Iterator[list[PendingFile]]:
    """Group files by bounded size, so that memory does not grow with the delivery."""
    chunk: list[PendingFile] = []
    total = 0
    for file in files:
        if chunk and (total + file.size_bytes > size_bytes or len(chunk) == count):
            yield chunk
            chunk, total = [], 0
        chunk.append(file)
        total += file.size_bytes
    if chunk:
        yield chunk
