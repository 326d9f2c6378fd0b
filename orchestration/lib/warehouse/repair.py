"""Repair the one part of a DuckDB file that a kill can leave half written and that is still needed.

A checkpoint writes new data to free blocks and then, with a single page, the header that names them: a kill before that
leaves the old state whole, and the write-ahead log has the rest. But blocks of metadata are shared: the checkpoint puts
new parts into free places of a block of which the old state uses others, and writes all of it anew (seen in the system
calls of DuckDB 1.5.5: 262,144 bytes at 12,288, before the header). Parts in use never change, but the checksum at the
block's beginning covers them all. A kill within that write leaves a block whose every needed byte is right and whose
checksum is not, and DuckDB refuses the file: "Corrupt database file". Measured: of 317 such torn blocks, simulated in
files of 30 to 60 blocks, 75 kept the file shut, and with the checksum made anew all opened, with every row.
"""

from __future__ import annotations

import fcntl
import shutil
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import duckdb
import numpy as np

from orchestration.lib.core.clock import utc_now
from orchestration.lib.core.errors import VitalhouseError
from orchestration.lib.core.files import write_atomically
from orchestration.lib.warehouse.connection import TORN_BLOCK, is_torn, lock_holder

# DuckDB's file: three pages of headers, then blocks, each beginning with its checksum
# (src/include/duckdb/storage/storage_info.hpp). We make every warehouse with the default size of a block.
HEADER_BYTES = 3 * 4096
BLOCK_BYTES = 262_144
CHECKSUM_BYTES = 8
MAGIC = b"DUCK"
# The main header: a checksum of eight bytes, the magic bytes, and the storage version in eight bytes.
VERSION_OFFSET = CHECKSUM_BYTES + len(MAGIC)
# DuckDB 1.5.5 writes this storage version by default; the repair was measured on it alone.
KNOWN_STORAGE_VERSIONS = (64,)


def repair(path: Path) -> Path | None:
    """Write the checksum of its content into each torn block, on a copy that then takes the file's place.

    Returns
    -------
    Where the original is kept, with its write-ahead log; ``None`` if the file opens without a repair.

    Raises
    ------
    VitalhouseError
        If the file is in use, has a storage version that is not known, or is damaged in another way. It is not changed.
    """
    if not path.exists():
        raise VitalhouseError(f"there is no file {path} to repair")
    error = _try_to_open(path)
    if error is None:
        return None
    if holder := lock_holder(error):
        raise VitalhouseError(f"{path} is in use by {holder}: close it, and repair it then")
    if not is_torn(path, error):
        raise VitalhouseError(
            f"cannot repair {path}: {_first_line(error)}. Only a file whose writer was killed within a checkpoint can "
            "be repaired: move this one away, and `vitalhouse build` loads the lake into a new one"
        )
    original = _free_name(path, utc_now())
    with path.open("rb+") as file:
        try:
            # The kind of lock that DuckDB itself takes.
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise VitalhouseError(f"{path} is in use: close it, and repair it then") from None
        _check_version(path, file)

        def write(copy: Path) -> None:
            # Through the one open file: closing another would release the lock.
            file.seek(0)
            with copy.open("wb") as target:
                shutil.copyfileobj(file, target)
            shutil.copyfile(_log(path), _log(copy))
            _repair_blocks(path, copy)
            shutil.copyfile(_log(path), _log(original))
            original.hardlink_to(path)

        write_atomically(path, write)
    return original


def checksum(content: bytes) -> int:
    """Compute DuckDB's checksum of a block, whose length is a multiple of eight bytes (its src/common/checksum.cpp)."""
    words = np.frombuffer(content, dtype="<u8")
    return int(np.bitwise_xor.reduce(words * np.uint64(0xBF58476D1CE4E5B9))) ^ 5381


def _log(path: Path) -> Path:
    return path.with_name(path.name + ".wal")


def _free_name(path: Path, now: datetime) -> Path:
    return path.with_name(f"{path.name}.damaged-{now:%Y%m%dT%H%M%S%f}")


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


def _try_to_open(path: Path) -> duckdb.Error | None:
    try:
        duckdb.connect(str(path), read_only=True).close()
    except duckdb.Error as error:
        return error
    return None


def _check_version(path: Path, file: BinaryIO) -> None:
    header = file.read(VERSION_OFFSET + 8)
    version = int.from_bytes(header[VERSION_OFFSET:], "little")
    if header[CHECKSUM_BYTES:VERSION_OFFSET] != MAGIC or version not in KNOWN_STORAGE_VERSIONS:
        known = ", ".join(map(str, KNOWN_STORAGE_VERSIONS))
        raise VitalhouseError(
            f"cannot repair {path}: its storage version is {version}, and this Vitalhouse knows {known}. Move the file "
            "away, and `vitalhouse build` loads the lake into a new one"
        )


def _repair_blocks(path: Path, copy: Path) -> None:
    """Correct the checksum of each block of the copy that DuckDB refuses, until the copy opens."""
    repaired: set[int] = set()
    while error := _try_to_open(copy):
        match = TORN_BLOCK.search(str(error))
        offset = int(match["offset"]) if match else 0
        is_block = offset >= HEADER_BYTES and (offset - HEADER_BYTES) % BLOCK_BYTES == 0
        if not is_block or offset in repaired or not _repair_block(copy, offset):
            raise VitalhouseError(f"cannot repair {path}: {_first_line(error)}")
        repaired.add(offset)


def _repair_block(copy: Path, offset: int) -> bool:
    with copy.open("r+b") as file:
        file.seek(offset)
        block = file.read(BLOCK_BYTES)
        if len(block) < BLOCK_BYTES:
            return False
        file.seek(offset)
        file.write(checksum(block[CHECKSUM_BYTES:]).to_bytes(CHECKSUM_BYTES, "little"))
    return True
