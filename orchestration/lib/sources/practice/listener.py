"""Receives what a doctor's office publishes on two named pipes, and writes it into the lake.

A frame on a pipe is 32 bytes, the length of the message as an unsigned big-endian number, and then the message: that
many bytes of UTF-8 JSON. Messages have no time of their own, so each is given the time of its receipt, on which
everything later depends: within a stream no two are equal, and none is before its predecessor's.

What cannot be read is written to the same place as what can, as a line that the loader refuses with the reason and the
text. Where a frame is broken, reading goes on with the next one that can be found.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import select
import signal
import stat
import struct
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from orchestration.lib.contract.entity import Entity
from orchestration.lib.core.errors import UsageError, VitalhouseError
from orchestration.lib.core.home import Home
from orchestration.lib.ingest.records import REFUSED, REFUSED_TEXT
from orchestration.lib.lake.delivery import Delivery
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources.practice.contract import PRACTICE_CLAIM, PRACTICE_DIAGNOSIS
from orchestration.lib.sources.practice.framing import Counts, Frames

FLUSH_SECONDS = 10.0
# A batch that is closed by its size has about 100 KB: small beside what a kill may lose anyway.
FLUSH_MESSAGES = 1_000
# How much a pipe may hold and a read takes: 10,000 messages, so that a publisher need not wait for a slow disk.
PIPE_BYTES = 1024 * 1024
# How soon a publisher that comes back is noticed: nobody waits for so little, and looking costs nothing.
TICK_SECONDS = 0.05
# How long the rest of a frame is waited for before ending.
LAST_FRAME_SECONDS = 1.0
# A line of a log is kept, a terminal's is overwritten.
SECONDS_BETWEEN_LINES = {True: 1.0, False: 60.0}
_CLINIC = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


class Pipe:
    """One named pipe, open for reading."""

    def __init__(self, path: Path, frames: Frames) -> None:
        self.frames = frames
        self.descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self.identity = _identity(os.fstat(self.descriptor))
        # True while nobody has the other end open.
        self.is_alone = True
        # More than an ordinary user may ask for is refused, and not needed.
        with contextlib.suppress(OSError):
            fcntl.fcntl(self.descriptor, fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    def read(self, size: int = PIPE_BYTES) -> None:
        """Take what there is, without waiting."""
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
        """Take what the pipe holds now, and the rest of the frame with which that ends."""
        self.read(max(1, _bytes_waiting(self.descriptor)))
        deadline = time.monotonic() + LAST_FRAME_SECONDS
        while (missing := self.frames.missing_bytes()) and not self.is_alone and time.monotonic() < deadline:
            select.select([self.descriptor], [], [], TICK_SECONDS)
            self.read(missing)
        self.frames.end()

    def close(self) -> None:
        os.close(self.descriptor)


def _bytes_waiting(descriptor: int) -> int:
    answer = fcntl.ioctl(descriptor, termios.FIONREAD, struct.pack("i", 0))
    return int(struct.unpack("i", answer)[0])


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


class Stream:
    """One kind of message: the pipes on which it comes, and the batch that is to be written next."""

    def __init__(self, entity: Entity, path: Path, lake: Lake, clinic: str, flush_seconds: float) -> None:
        self.entity, self.path, self.lake, self.clinic = entity, path, lake, clinic
        self.flush_seconds = flush_seconds
        self.counts = Counts()
        # More than one while an office's new pipe has come and somebody still writes into the old one.
        self.pipes: list[Pipe] = []
        self.batch: list[str] = []
        self.batch_begun: float | None = None
        self.batch_second, self.batch_us = 0, 0
        self.last_us = 0
        # Why the batch cannot be written.
        self.problem: str | None = None
        self._second, self._second_text = -1, ""

    def connect(self) -> None:
        """Open the pipe that lies at the path now, if we have not."""
        try:
            status = self.path.stat()
            if not stat.S_ISFIFO(status.st_mode) or _identity(status) in {pipe.identity for pipe in self.pipes}:
                return
            self.pipes.append(Pipe(self.path, Frames(self._receive, self._refuse)))
        except OSError as error:
            # Not there yet, or replaced at this moment: the next look will find it.
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ENXIO):
                raise VitalhouseError(f"cannot open {self.path}: {error.strerror}") from error

    def read(self, readable: set[int]) -> None:
        """Read the pipes that have something, and those of which nobody had the other end."""
        for pipe in list(self.pipes):
            if pipe.is_alone or pipe.descriptor in readable:
                pipe.read()
            if pipe.frames.is_hopeless():
                pipe.frames.end()
                self._drop(pipe)
            elif pipe.is_alone and not self._is_at_path(pipe):
                self._drop(pipe)

    def flush_if_due(self) -> None:
        if any(pipe.frames.lost is not None for pipe in self.pipes):
            self._begin_batch()
        if self.batch_begun is not None and time.monotonic() - self.batch_begun >= self.flush_seconds:
            for pipe in self.pipes:
                pipe.frames.give_up_lost()
            self.flush()

    def finish(self) -> None:
        """Take and write what the pipes hold, and close them."""
        for pipe in list(self.pipes):
            pipe.read_last()
            self._drop(pipe)
        self.flush()

    def flush(self) -> None:
        """Write the batch into the lake as one file."""
        if self.batch:
            begun = datetime.fromtimestamp(self.batch_second, UTC)
            name = f"{self.entity.name}-{begun:%Y-%m-%dT%H%M%S}.{self.batch_us:06d}Z.ndjson"
            delivery = Delivery(self.clinic, self.entity.measurement, f"{begun:%Y-%m-%d}")
            try:
                self.lake.write_file(delivery, name, "".join(self.batch).encode())
            except OSError as error:
                # Kept, and tried again; meanwhile nothing more is read.
                self.problem = f"cannot write {delivery.path}/{name}: {error.strerror}"
                return
            self.counts.written += len(self.batch)
            self.batch = []
        self.batch_begun, self.problem = None, None

    def _drop(self, pipe: Pipe) -> None:
        pipe.close()
        self.pipes.remove(pipe)

    def _is_at_path(self, pipe: Pipe) -> bool:
        try:
            return _identity(self.path.stat()) == pipe.identity
        except OSError:
            return False

    def _receive(self, text: str, is_empty: bool) -> None:
        # A line break is only ever between the values: inside a text, JSON has it escaped.
        if "\n" in text or "\r" in text:
            text = text.replace("\n", " ").replace("\r", " ")
        rest = text[text.index("{") + 1 :]
        self.counts.received += 1
        self._add(f'", {rest}' if not is_empty else f'"{rest}')

    def _refuse(self, content: bytes, reason: str) -> None:
        self.counts.received += 1
        self.counts.unreadable += 1
        said = json.dumps({REFUSED: reason, REFUSED_TEXT: content.decode("utf-8", "backslashreplace")})
        # No key of the contract: `_received_at`.
        self._add(f'", {said[1:]}', key="_received_at")

    def _add(self, rest: str, key: str = "received_at") -> None:
        now_us = self.last_us = max(time.time_ns() // 1000, self.last_us + 1)
        second, us = divmod(now_us, 1_000_000)
        if second != self._second:
            self._second = second
            self._second_text = f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}"
            # A file's messages are of its day.
            if self.batch and second // 86_400 != self.batch_second // 86_400:
                self.flush()
        if not self.batch:
            self.batch_second, self.batch_us = second, us
        self.batch.append(f'{{"{key}": "{self._second_text}.{us:06d}Z{rest}\n')
        if self.batch_begun is None:
            self._begin_batch()
        if len(self.batch) >= FLUSH_MESSAGES:
            self.flush()

    def _begin_batch(self) -> None:
        if self.batch_begun is None:
            self.batch_begun = time.monotonic()


@contextmanager
def _stopping() -> Iterator[list[int]]:
    """A list that is no longer empty once we are asked to end."""
    asked: list[int] = []
    before = {each: signal.signal(each, lambda number, _: asked.append(number)) for each in _ENDING}
    try:
        yield asked
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


_ENDING = (signal.SIGTERM, signal.SIGINT)


class StatusLine:
    """What has come so far: one line, written over in a terminal, now and then a new one elsewhere."""

    def __init__(self, streams: list[Stream]) -> None:
        self.streams = streams
        self.is_terminal = sys.stderr.isatty()
        self.shown_at, self.shown_received = time.monotonic(), 0

    def show(self, *, is_last: bool = False) -> None:
        now = time.monotonic()
        passed = now - self.shown_at
        if passed < SECONDS_BETWEEN_LINES[self.is_terminal] and not is_last:
            return
        received = sum(stream.counts.received for stream in self.streams)
        text = "; ".join(self._of(stream) for stream in self.streams)
        text += f"; {(received - self.shown_received) / max(passed, 1e-9):,.0f} per second"
        problem = next((stream.problem for stream in self.streams if stream.problem), None)
        text = f"{text}; {problem}, trying again" if problem else text
        end = "\n" if is_last or not self.is_terminal else ""
        print(f"\r\x1b[K{text}" if self.is_terminal else text, end=end, file=sys.stderr, flush=True)
        self.shown_at, self.shown_received = now, received

    def _of(self, stream: Stream) -> str:
        counts, alone = stream.counts, all(pipe.is_alone for pipe in stream.pipes)
        waiting = " (nobody publishes)" if alone else ""
        return (
            f"{stream.entity.name}{waiting}: {counts.received:,} received, {counts.written:,} written, "
            f"{counts.unreadable:,} unreadable"
        )


def office_lock(home: Home, clinic: str) -> Path:
    """The file that the one listener of an office holds: two would share its messages between them.

    Raises
    ------
    UsageError
        If the clinic's name would not do as a folder.
    """
    _check_name(clinic)
    return home.path / f"listen-{clinic}.lock"


def listen(
    lake: Lake, clinic: str, claims: Path, diagnoses: Path, flush_seconds: float = FLUSH_SECONDS
) -> dict[str, Counts]:
    """Receive from both pipes until SIGTERM or SIGINT; then write what has come, and return the counts of each stream.

    The pipes need not be there yet, and may be replaced. What was written is on disk, whole, under its last name.

    Parameters
    ----------
    clinic
        Name of the office, a folder of the lake.
    flush_seconds
        A batch is written when its first message is so old, or it has ``FLUSH_MESSAGES``.

    Raises
    ------
    UsageError
        If the clinic's name would not do as a folder, or both pipes are one.
    VitalhouseError
        If something else than a pipe lies in a pipe's place, or the last batch cannot be written.
    """
    _check_name(clinic)
    _check_pipes(claims, diagnoses)
    streams = [
        Stream(entity, path, lake, clinic, flush_seconds)
        for entity, path in ((PRACTICE_CLAIM, claims), (PRACTICE_DIAGNOSIS, diagnoses))
    ]
    status = StatusLine(streams)
    with _stopping() as asked:
        while not asked:
            _turn(streams)
            status.show()
        for stream in streams:
            stream.finish()
        status.show(is_last=True)
    for stream in streams:
        if stream.problem:
            raise VitalhouseError(f"{stream.problem}; {len(stream.batch):,} messages are lost")
    return {stream.entity.name: stream.counts for stream in streams}


def _turn(streams: list[Stream]) -> None:
    """Look for pipes, wait a moment for what comes, take it and write what is due."""
    blocked = [stream for stream in streams if stream.problem]
    if blocked:
        time.sleep(1.0)
    for stream in blocked:
        stream.flush()
    free = [stream for stream in streams if not stream.problem]
    poll = select.poll()
    for stream in free:
        stream.connect()
        for pipe in stream.pipes:
            if not pipe.is_alone:
                poll.register(pipe.descriptor, select.POLLIN)
    readable = {descriptor for descriptor, _ in poll.poll(TICK_SECONDS * 1000)}
    for stream in free:
        stream.read(readable)
        stream.flush_if_due()


def _check_name(clinic: str) -> None:
    if not _CLINIC.fullmatch(clinic):
        raise UsageError(
            f"a clinic's name is letters, digits, '_', '-' and '.', beginning with one of the first two, not {clinic!r}"
        )


def _check_pipes(claims: Path, diagnoses: Path) -> None:
    if claims.absolute() == diagnoses.absolute():
        raise UsageError(f"claims and diagnoses cannot come on one pipe: both are {claims}")
    for path in (claims, diagnoses):
        if path.exists() and not path.is_fifo():
            raise VitalhouseError(f"{path} is not a named pipe: the office's publisher makes it, or mkfifo does")
