"""Whose turn it is: one build of a home at a time, no claim by Dagster's sensor meanwhile, one listener an office."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from orchestration.lib.core import progress
from orchestration.lib.core.errors import VitalhouseError

# Short enough that a waiting person does not notice, long enough to cost nothing.
POLL_SECONDS = 0.2


class LockHeld(VitalhouseError):
    """Another is under way."""


@contextmanager
def hold_lock(lock_path: Path, *, wait: bool = True, what: str = "build") -> Iterator[None]:
    """Hold the home, or what the lock stands for, for oneself.

    The operating system lets go of the lock when its holder ends, however it ends.

    Raises
    ------
    NotYourTurn
        If another holds it and ``wait`` is false.
    """
    with lock_path.open("a+") as lock:
        said = None
        while not _is_locked_by_us(lock.fileno()):
            holder = lock_path.read_text().strip() or "it is just starting"
            if not wait:
                raise LockHeld(f"a {what} is under way ({holder})")
            if holder != said:
                progress.write(f"another {what} is under way ({holder}): waiting for it to end")
                said = holder
            time.sleep(POLL_SECONDS)
        lock.truncate(0)
        lock.write(f"process {os.getpid()}, since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n")
        lock.flush()
        try:
            yield
        finally:
            lock.truncate(0)


def _is_locked_by_us(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
