"""How far long work has come: a bar on a terminal, plain lines elsewhere, Dagster's log inside a Dagster run.

    with progress.task("Filtering ECG runs", total=288) as task:
        task.advance(10)

The code that works does not know where its progress is shown: the command line or the Dagster definition chooses.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress

# Lines of a log are kept, not overwritten: one each five seconds shows that work goes on, and a log stays readable.
SECONDS_BETWEEN_LINES = 5.0


class Task(Protocol):
    """One piece of work whose end is in sight."""

    def advance(self, count: int = 1) -> None:
        """``count`` more of the task's items are done."""

    def set_total(self, total: int) -> None:
        """The number of items became known, or changed."""


class Display(Protocol):
    """A place where progress is shown."""

    def start(self, description: str, total: int | None) -> Task: ...

    def finish(self, task: Task) -> None: ...

    def write(self, line: str) -> None: ...


class _LineTask:
    """Progress as lines, for a file, a pipe or a log."""

    def __init__(self, display: LineDisplay, description: str, total: int | None) -> None:
        self.display, self.description, self.total = display, description, total
        self.done = 0
        self.started = self.last_line = time.monotonic()

    def advance(self, count: int = 1) -> None:
        self.done += count
        if time.monotonic() - self.last_line >= SECONDS_BETWEEN_LINES:
            self.last_line = time.monotonic()
            self.display.write(f"{self.description}: {self.state()}")

    def set_total(self, total: int) -> None:
        self.total = total

    def state(self) -> str:
        return f"{self.done:,}" if self.total is None else f"{self.done:,} of {self.total:,}"


class LineDisplay:
    """Writes each line with the function it is given."""

    def __init__(self, write: Any) -> None:
        self.write = write

    def start(self, description: str, total: int | None) -> _LineTask:
        return _LineTask(self, description, total)

    def finish(self, task: Task) -> None:
        assert isinstance(task, _LineTask)
        self.write(f"{task.description}: {task.done:,} in {time.monotonic() - task.started:.1f} s")


class _BarTask:
    def __init__(self, progress: Progress, description: str, total: int | None) -> None:
        self.progress = progress
        self.id = progress.add_task(description, total=total)

    def advance(self, count: int = 1) -> None:
        self.progress.advance(self.id, count)

    def set_total(self, total: int) -> None:
        self.progress.update(self.id, total=total)


class BarDisplay:
    """Bars on a terminal, one below the other; finished ones stay with their time."""

    def __init__(self, terminal: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(file=terminal),
        )

    def start(self, description: str, total: int | None) -> _BarTask:
        self.progress.start()
        return _BarTask(self.progress, description, total)

    def finish(self, task: Task) -> None:
        assert isinstance(task, _BarTask)
        row = self.progress.tasks[[known.id for known in self.progress.tasks].index(task.id)]
        self.progress.update(task.id, total=row.completed)
        self.progress.stop_task(task.id)

    def write(self, line: str) -> None:
        self.progress.console.print(line, highlight=False, markup=False)

    def stop(self) -> None:
        self.progress.stop()


_display: Display | None = None


def _write_to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@contextmanager
def showing_here() -> Iterator[None]:
    """Show progress to the person who typed the command: bars if that is a terminal, else lines, on standard error.

    They go to where standard error leads now, even if that is turned elsewhere for a while.
    """
    global _display
    sys.stderr.flush()
    with os.fdopen(os.dup(2), "w", buffering=1) as terminal:
        bars = BarDisplay(terminal) if terminal.isatty() else None
        outer, _display = _display, bars or LineDisplay(lambda line: print(line, file=terminal, flush=True))
        try:
            yield
        finally:
            _display = outer
            if bars:
                bars.stop()


@contextmanager
def showing_in(log: logging.Logger) -> Iterator[None]:
    """Show progress in this log (a Dagster run's), unless a person looks on already."""
    global _display
    outer = _display
    if _display is None:
        _display = LineDisplay(log.info)
    try:
        yield
    finally:
        _display = outer


@contextmanager
def task(description: str, total: int | None = None) -> Iterator[Task]:
    """One piece of work; ``total`` is None where the number of items is not known beforehand."""
    display = _display or LineDisplay(_write_to_stderr)
    started = display.start(description, total)
    try:
        yield started
    finally:
        display.finish(started)


def write(line: str) -> None:
    """A line for the person or the log that looks on, above the bars."""
    (_display or LineDisplay(_write_to_stderr)).write(line)
