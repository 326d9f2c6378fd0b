"""Show the progress of long work: bars on a terminal, lines elsewhere, Dagster's log inside a Dagster run.

    with progress.task("Filtering ECG runs", total=288) as task:
        task.advance(10)

The code that works does not know where its progress is shown: the command line or the Dagster definition chooses.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress

# Lines of a log are kept, not overwritten: one each five seconds shows that work goes on, and a log stays readable.
SECONDS_BETWEEN_LINES = 5.0


@dataclass
class _Display:
    """The display of progress: bars, or else lines that are written with a function."""

    write: Callable[[str], object]
    bars: Progress | None = None


class Task:
    """A piece of work of ``total`` items; ``None`` where their number is not known."""

    def __init__(self, display: _Display, description: str, total: int | None) -> None:
        self._write, self._bars = display.write, display.bars
        self.description, self.total, self.done = description, total, 0
        self._started = self._last_line = time.monotonic()
        if self._bars:
            self._bar = self._bars.add_task(description, total=total)

    def advance(self, count: int = 1) -> None:
        """Count items that are done."""
        self.done += count
        if self._bars:
            self._bars.advance(self._bar, count)
        elif time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            self._write(f"{self.description}: {self.done:,}" + ("" if self.total is None else f" of {self.total:,}"))

    def set_total(self, total: int) -> None:
        """Set the number of items, once it is known or has changed."""
        self.total = total
        if self._bars:
            self._bars.update(self._bar, total=total)

    def finish(self) -> None:
        """Show how many items were done, and in what time."""
        if self._bars:
            self._bars.update(self._bar, total=self.done)
            self._bars.stop_task(self._bar)
        else:
            self._write(f"{self.description}: {self.done:,} in {time.monotonic() - self._started:.1f} s")


_stderr = _Display(lambda line: print(line, file=sys.stderr, flush=True))
_display: _Display | None = None


@contextmanager
def showing_here() -> Iterator[None]:
    """Show progress to the person who typed the command: bars if that is a terminal, else lines, on standard error.

    They go to where standard error leads now, even if that is redirected for a while.
    """
    sys.stderr.flush()
    with os.fdopen(os.dup(2), "w", buffering=1) as terminal:
        if not terminal.isatty():
            with _showing(_Display(lambda line: print(line, file=terminal, flush=True))):
                yield
        else:
            bars = _progress(terminal)
            write = bars.console.print
            with bars, _showing(_Display(lambda line: write(line, highlight=False, markup=False), bars)):
                yield


def _progress(terminal: TextIO) -> Progress:
    """Make bars, one below the other; those of finished tasks stay with their time."""
    # Only a terminal needs it.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(file=terminal))


@contextmanager
def showing_in(log: logging.Logger) -> Iterator[None]:
    """Show progress in this log (a Dagster run's), unless it is shown to a person already."""
    with _showing(_display or _Display(log.info)):
        yield


@contextmanager
def _showing(display: _Display) -> Iterator[None]:
    global _display
    outer, _display = _display, display
    try:
        yield
    finally:
        _display = outer


@contextmanager
def task(description: str, total: int | None = None) -> Iterator[Task]:
    """Show the progress of a piece of work; ``total`` is None where the number of items is not known beforehand."""
    started = Task(_display or _stderr, description, total)
    try:
        yield started
    finally:
        started.finish()


def write(line: str) -> None:
    """Write a line for the person or the log that watches, above the bars."""
    (_display or _stderr).write(line)
