"""Locks: one build of a home at a time, no claim by Dagster's sensor meanwhile, one listener an office."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from orchestration.lib.core import progress
from orchestration.lib.core.errors import VitalhouseError

# Short enough that a waiting person does not notice, long enough to cost nothing.
POLL_SECONDS = 0.2


class LockHeld(VitalhouseError):
    """Another process holds the lock."""


@contextmanager
def hold_lock(lock_path: Path, *, wait: bool = True, task: str = "build") -> Iterator[None]:
    """Hold a lock; its file names the holder.

    The operating system releases the lock when its holder ends, however it ends.

    Parameters
    ----------
    wait
        Whether to wait until another holder ends.
    task
        What a holder does, for messages.

    Raises
    ------
    LockHeld
        If another process holds the lock and ``wait`` is false.
    """
    lock = FileLock(lock_path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        holder = lock_path.read_text().strip() or "it is just starting"
        if not wait:
            raise LockHeld(f"a {task} is under way ({holder})") from None
        progress.write(f"another {task} is under way ({holder}): waiting for it to end")
        lock.acquire(poll_interval=POLL_SECONDS)
    try:
        lock_path.write_text(f"process {os.getpid()}, since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n")
        yield
    finally:
        lock_path.write_text("")
        lock.release()
