"""Publish claims and diagnoses as frames on two named pipes, as a doctor's office does.

    python -m synthetic.practice_publisher --claims /tmp/claims --diagnoses /tmp/diagnoses [--interval-seconds 2]

A frame is 32 bytes, the length of the message as an unsigned big-endian number, and the message. The publisher makes
the pipes itself, tries to open them for writing until somebody reads, and opens them again when its reader has gone.
"""

import argparse
import contextlib
import itertools
import os
import select
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from synthetic.practice import STREAMS, Stream

HEADER_BYTES = 32
# How long the publisher waits before it tries again to open a pipe that nobody reads.
RETRY_SECONDS = 0.05


def frame(message: bytes) -> bytes:
    """Frame a message for the pipe."""
    return len(message).to_bytes(HEADER_BYTES, "big") + message


def open_pipe(path: Path) -> int:
    """Make the pipe if there is none, and open it for writing as soon as somebody reads."""
    with contextlib.suppress(FileExistsError):
        os.mkfifo(path, 0o600)
    while True:
        try:
            return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            time.sleep(RETRY_SECONDS)


def write_all(pipe: int, content: bytes) -> None:
    """Write everything; wait while the pipe is full.

    Raises
    ------
    BrokenPipeError
        If nobody reads any more.
    """
    rest = memoryview(content)
    while rest:
        try:
            rest = rest[os.write(pipe, rest) :]
        except BlockingIOError:
            select.select([], [pipe], [])


def publish(path: Path, messages: Iterable[bytes], interval_seconds: float = 0.0) -> int:
    """Publish messages on one pipe, a frame at a time, and return their number.

    If the reader goes, the message that it did not read completely is sent again to the next reader.
    """
    pipe, count = open_pipe(path), 0
    try:
        for message in messages:
            while True:
                try:
                    write_all(pipe, frame(message))
                    break
                except BrokenPipeError:
                    os.close(pipe)
                    pipe = open_pipe(path)
            count += 1
            if interval_seconds:
                time.sleep(interval_seconds)
    finally:
        os.close(pipe)
    return count


def drawn(stream: Stream, count: int | None) -> Iterator[bytes]:
    """Draw so many messages of a stream, or messages without end."""
    for _ in itertools.repeat(None) if count is None else range(count):
        yield stream.draw().encode()


def main() -> None:
    """Publish both streams until Ctrl-C."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--claims", type=Path, required=True)
    parser.add_argument("--diagnoses", type=Path, required=True)
    parser.add_argument("--interval-seconds", type=float, default=2.0, help="between two messages of a stream")
    parser.add_argument("--count", type=int, help="messages of each stream; without it, until Ctrl-C")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    paths = dict(zip(STREAMS, (options.claims, options.diagnoses), strict=True))
    threads = []
    for kind, path in paths.items():
        messages = drawn(Stream(kind, options.seed), options.count)
        thread = threading.Thread(target=publish, args=(path, messages, options.interval_seconds), daemon=True)
        thread.start()
        threads.append(thread)
    with contextlib.suppress(KeyboardInterrupt):
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main()
