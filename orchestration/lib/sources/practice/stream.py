"""Receive one kind of message on named pipes, and write it into the lake in batches."""

from __future__ import annotations

import errno
import json
import stat
import time
from datetime import UTC, datetime
from pathlib import Path

from orchestration.lib.contract.entity import Entity
from orchestration.lib.core.errors import VitalhouseError
from orchestration.lib.lake.delivery import Delivery
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources.practice.contract import REJECTED_RECORD_KEYS
from orchestration.lib.sources.practice.framing import Counts, Frames
from orchestration.lib.sources.practice.pipe import Pipe, identity_of

# A batch that is closed by its size has about 100 KB: small beside what a kill may lose anyway.
FLUSH_MESSAGES = 1_000


class Stream:
    """Receive one kind of message: read its pipes, collect a batch, and write that into the lake."""

    def __init__(self, entity: Entity, path: Path, lake: Lake, clinic: str, flush_seconds: float) -> None:
        self.entity, self.path, self.lake, self.clinic = entity, path, lake, clinic
        self.flush_seconds = flush_seconds
        self.counts = Counts()
        # More than one while an office's new pipe has come and somebody still writes into the old one.
        self.pipes: list[Pipe] = []
        self.batch: list[str] = []
        self.batch_started: float | None = None
        self.batch_second, self.batch_us = 0, 0
        self.last_us = 0
        # Why the batch cannot be written.
        self.problem: str | None = None
        self._second, self._second_text = -1, ""

    def connect(self) -> None:
        """Open the pipe that lies at the path now, unless it is open."""
        try:
            status = self.path.stat()
            if not stat.S_ISFIFO(status.st_mode) or identity_of(status) in {pipe.identity for pipe in self.pipes}:
                return
            self.pipes.append(Pipe(self.path, Frames(self._receive, self._refuse)))
        except OSError as error:
            # Not there yet, or replaced at this moment: the next look will find it.
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ENXIO):
                raise VitalhouseError(f"cannot open {self.path}: {error.strerror}") from error

    def read(self, readable: set[int]) -> None:
        """Read the pipes that have bytes, and those whose other end nobody had open."""
        for pipe in list(self.pipes):
            if pipe.is_alone or pipe.descriptor in readable:
                pipe.read()
            if pipe.frames.is_hopeless():
                pipe.frames.end()
                self._drop(pipe)
            elif pipe.is_alone and not self._is_at_path(pipe):
                self._drop(pipe)

    def flush_if_due(self) -> None:
        """Write the batch if it is old enough."""
        if any(pipe.frames.lost is not None for pipe in self.pipes):
            self._start_batch()
        if self.batch_started is not None and time.monotonic() - self.batch_started >= self.flush_seconds:
            for pipe in self.pipes:
                pipe.frames.give_up_lost()
            self.flush()

    def finish(self) -> None:
        """Read and write the messages that the pipes hold, and close them."""
        for pipe in list(self.pipes):
            pipe.read_last()
            self._drop(pipe)
        self.flush()

    def flush(self) -> None:
        """Write the batch into the lake as one file."""
        if self.batch:
            started = datetime.fromtimestamp(self.batch_second, UTC)
            name = f"{self.entity.name}-{started:%Y-%m-%dT%H%M%S}.{self.batch_us:06d}Z.ndjson"
            delivery = Delivery(self.clinic, self.entity.measurement, f"{started:%Y-%m-%d}")
            try:
                self.lake.write_file(delivery, name, "".join(self.batch).encode())
            except OSError as error:
                # Kept, and tried again; meanwhile nothing more is read.
                self.problem = f"cannot write {delivery.path}/{name}: {error.strerror}"
                return
            self.counts.written += len(self.batch)
            self.batch = []
        self.batch_started, self.problem = None, None

    def _drop(self, pipe: Pipe) -> None:
        pipe.close()
        self.pipes.remove(pipe)

    def _is_at_path(self, pipe: Pipe) -> bool:
        try:
            return identity_of(self.path.stat()) == pipe.identity
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
        text = content.decode("utf-8", "backslashreplace")
        record = json.dumps({REJECTED_RECORD_KEYS.reason: reason, REJECTED_RECORD_KEYS.raw_text: text})
        # No key of the contract: `_received_at`.
        self._add(f'", {record[1:]}', key="_received_at")

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
        if self.batch_started is None:
            self._start_batch()
        if len(self.batch) >= FLUSH_MESSAGES:
            self.flush()

    def _start_batch(self) -> None:
        if self.batch_started is None:
            self.batch_started = time.monotonic()

    @property
    def summary(self) -> str:
        """Count the messages so far, in words."""
        counts, is_alone = self.counts, all(pipe.is_alone for pipe in self.pipes)
        waiting = " (nobody publishes)" if is_alone else ""
        return (
            f"{self.entity.name}{waiting}: {counts.received:,} received, {counts.written:,} written, "
            f"{counts.unreadable:,} unreadable"
        )
