"""Read a named pipe without waiting, and split what it holds into messages."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import struct
import termios
import time
from pathlib import Path

from orchestration.lib.sources.practice.framing import Frames

# How much a pipe may hold and a read takes: 10,000 messages, so that a publisher need not wait for a slow disk.
PIPE_BYTES = 1024 * 1024
# How soon a publisher that comes back is noticed: nobody waits for so little, and looking costs nothing.
TICK_SECONDS = 0.05
# How long the rest of a frame is waited for before ending.
LAST_FRAME_SECONDS = 1.0


class Pipe:
    """One named pipe, open for reading."""

    def __init__(self, path: Path, frames: Frames) -> None:
        self.frames = frames
        self.descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self.identity = identity_of(os.fstat(self.descriptor))
        # True while nobody has the other end open.
        self.is_alone = True
        # More than an ordinary user may ask for is refused, and not needed.
        with contextlib.suppress(OSError):
            fcntl.fcntl(self.descriptor, fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    def read(self, size: int = PIPE_BYTES) -> None:
        """Read the bytes that are there, without waiting."""
        try:
            data = os.read(self.descriptor, size)
        except BlockingIOError:
            self.is_alone = False
            return
        self.is_alone = not data
        if data:
            self.frames.feed(data)
        else:
            self.frames.end()

    def read_last(self) -> None:
        """Read the bytes that the pipe holds now, and the rest of the frame with which these end."""
        self.read(max(1, _bytes_waiting(self.descriptor)))
        deadline = time.monotonic() + LAST_FRAME_SECONDS
        while (missing := self.frames.missing_bytes()) and not self.is_alone and time.monotonic() < deadline:
            select.select([self.descriptor], [], [], TICK_SECONDS)
            self.read(missing)
        self.frames.end()

    def close(self) -> None:
        """Close the pipe."""
        os.close(self.descriptor)


def _bytes_waiting(descriptor: int) -> int:
    answer = fcntl.ioctl(descriptor, termios.FIONREAD, struct.pack("i", 0))
    return int(struct.unpack("i", answer)[0])


def identity_of(status: os.stat_result) -> tuple[int, int]:
    """Identify a file among all that have or had its path."""
    return status.st_dev, status.st_ino
