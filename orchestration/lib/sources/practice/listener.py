"""Receive the messages that a doctor's office publishes on two named pipes, and write them into the lake.

A frame on a pipe is 32 bytes, the length of the message as an unsigned big-endian number, and then the message: that
many bytes of UTF-8 JSON. Messages have no time of their own, so each is given the time of its receipt, on which
everything later depends: within a stream no two are equal, and none is before its predecessor's.

Bytes that cannot be read are written into the same file, as a line that the loader rejects with the reason and the
text. After a broken frame, reading goes on with the next one that can be found.
"""

from __future__ import annotations

import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestration.lib.core import progress
from orchestration.lib.core.errors import UsageError, VitalhouseError
from orchestration.lib.core.home import Home
from orchestration.lib.lake.delivery import check_clinic
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources.practice.contract import PRACTICE_CLAIM, PRACTICE_DIAGNOSIS
from orchestration.lib.sources.practice.framing import Counts
from orchestration.lib.sources.practice.pipe import TICK_SECONDS
from orchestration.lib.sources.practice.stream import Stream

FLUSH_SECONDS = 10.0
_ENDING = (signal.SIGTERM, signal.SIGINT)
# A line of a log is kept, a terminal's is overwritten.
SECONDS_BETWEEN_LINES = {True: 1.0, False: 60.0}


@contextmanager
def _status_line(is_terminal: bool) -> Iterator[Callable[[str], None]]:
    """Give a function that shows a line: in place of the line before on a terminal, below it elsewhere."""
    if not is_terminal:
        yield progress.write
        return
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    with Live(console=Console(stderr=True), auto_refresh=False) as live:
        yield lambda line: live.update(Text(line), refresh=True)


class _Status:
    """Show now and then how many messages have come."""

    def __init__(self, streams: list[Stream], write: Callable[[str], None], seconds_between_lines: float) -> None:
        self.streams, self.write, self.seconds_between_lines = streams, write, seconds_between_lines
        self.shown_at, self.shown_received = time.monotonic(), 0

    def show(self, *, is_last: bool = False) -> None:
        """Show the counts, unless they were shown just now."""
        now = time.monotonic()
        passed = now - self.shown_at
        if passed < self.seconds_between_lines and not is_last:
            return
        received = sum(stream.counts.received for stream in self.streams)
        parts = [stream.summary for stream in self.streams]
        parts.append(f"{(received - self.shown_received) / max(passed, 1e-9):,.0f} per second")
        parts += [f"{stream.problem}, trying again" for stream in self.streams if stream.problem][:1]
        self.write("; ".join(parts))
        self.shown_at, self.shown_received = now, received


@contextmanager
def _stopping() -> Iterator[list[int]]:
    """Collect the signals that ask the process to end, instead of ending it."""
    signals: list[int] = []
    handlers = {number: signal.signal(number, lambda number, _: signals.append(number)) for number in _ENDING}
    try:
        yield signals
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def office_lock(home: Home, clinic: str) -> Path:
    """Name the lock file of an office's listener. There is one listener: two would share the messages between them.

    Raises
    ------
    UsageError
        If the clinic's name would not do as a folder.
    """
    check_clinic(clinic)
    return home.path / f"listen-{clinic}.lock"


def listen(
    lake: Lake, clinic: str, claims: Path, diagnoses: Path, flush_seconds: float = FLUSH_SECONDS
) -> dict[str, Counts]:
    """Receive from both pipes until SIGTERM or SIGINT; then write the last batches, and return the counts of each.

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
    check_clinic(clinic)
    _check_pipes(claims, diagnoses)
    streams = [
        Stream(entity, path, lake, clinic, flush_seconds)
        for entity, path in ((PRACTICE_CLAIM, claims), (PRACTICE_DIAGNOSIS, diagnoses))
    ]
    is_terminal = sys.stderr.isatty()
    with _stopping() as signals, _status_line(is_terminal) as write:
        status = _Status(streams, write, SECONDS_BETWEEN_LINES[is_terminal])
        while not signals:
            _receive(streams)
            status.show()
        for stream in streams:
            stream.finish()
        status.show(is_last=True)
    for stream in streams:
        if stream.problem:
            raise VitalhouseError(f"{stream.problem}; {len(stream.batch):,} messages are lost")
    return {stream.entity.name: stream.counts for stream in streams}


def _receive(streams: list[Stream]) -> None:
    """Open new pipes, wait a moment for bytes, read them and write the batches that are due."""
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


def _check_pipes(claims: Path, diagnoses: Path) -> None:
    if claims.absolute() == diagnoses.absolute():
        raise UsageError(f"claims and diagnoses cannot come on one pipe: both are {claims}")
    for path in (claims, diagnoses):
        if path.exists() and not path.is_fifo():
            raise VitalhouseError(f"{path} is not a named pipe: the office's publisher makes it, or mkfifo does")
