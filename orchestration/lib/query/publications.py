"""The published file for a process that stays: every question sees one publication, however often the file is replaced.

A publication that was replaced is kept open for a while, so that who pages through a list comes to its end in the
publication in which it began.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from orchestration.lib.core.errors import NotThere, VitalhouseError

# Revenue is published every ten minutes: who begins a list in one publication has until the next but one to end it.
# No longer, since what a withdrawal took away is still in what it replaced.
KEPT_SECONDS = 600.0
# Each keeps its file's blocks on the disk: of a night of builds one after the other, not all.
KEPT_COUNT = 8
# A page's rows or a series' buckets take some megabytes; a question that needs more asks for too much.
MEMORY_LIMIT = "1GB"
# Many ask at once, each on a thread of its own: more threads for each would only take turns on the cores.
THREADS = 1
# How late a question that takes too long may be ended.
ALARM_SECONDS = 0.1
# An open file under its number: this very file, whatever the name means by now.
DESCRIPTORS = Path("/dev/fd")


class NothingPublished(VitalhouseError):
    """There is no published file, or none that can be read."""


class PublicationGone(VitalhouseError):
    """The publication that was asked for is no longer kept."""


class TooSlow(VitalhouseError):
    """A question took longer than it may."""


class _Alarm:
    """Interrupts what takes too long: one thread for all questions, since most are answered before one has started."""

    def __init__(self) -> None:
        self._due: dict[int, tuple[float, duckdb.DuckDBPyConnection]] = {}
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    @contextmanager
    def after(self, seconds: float, con: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Interrupt whatever the connection does so many seconds from now, unless it is done by then."""
        with self._lock:
            self._due[id(con)] = time.monotonic() + seconds, con
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="alarm", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                del self._due[id(con)]

    def _watch(self) -> None:
        while True:
            time.sleep(ALARM_SECONDS)
            with self._lock:
                for due, con in self._due.values():
                    if due < time.monotonic():
                        con.interrupt()


_ALARM = _Alarm()


@dataclass
class Publication:
    """One state of the published file, open read-only. It stays readable when the file is replaced.

    ``row_counts`` is by relation. Nothing that is asked of it can reach another file.
    """

    publication_id: str
    published_at: datetime
    row_counts: Mapping[str, int]
    file: tuple[int, int]
    descriptor: int
    con: duckdb.DuckDBPyConnection
    reader_count: int = 0
    replaced_at: float | None = None

    @classmethod
    def open(cls, path: Path) -> Publication:
        """Open what is published now.

        Raises
        ------
        NothingPublished
            If there is no file, or it is none of ours.
        """
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except OSError as error:
            if isinstance(error, FileNotFoundError):
                raise NothingPublished("nothing is published yet: run `vitalhouse build` first") from None
            raise NothingPublished(f"cannot read {path}: {error.strerror}") from None
        try:
            con = _connect(descriptor)
            found = con.execute(
                "select publication_id, published_at, relation, row_count from published.catalog.publication"
            ).fetchall()
            publication_id, published_at = found[0][:2]
        except (duckdb.Error, IndexError) as error:
            os.close(descriptor)
            reason = str(error).splitlines()[0]
            raise NothingPublished(f"{path} cannot be read ({reason}): run `vitalhouse build` again") from None
        stat = os.fstat(descriptor)
        row_counts = {relation: count for _, _, relation, count in found}
        return cls(publication_id, published_at, row_counts, (stat.st_dev, stat.st_ino), descriptor, con)

    @contextmanager
    def question(self, seconds: float) -> Iterator[duckdb.DuckDBPyConnection]:
        """Give a connection for what one reader asks, for so many seconds.

        Raises
        ------
        TooSlow
            If an answer is not there by then.
        NotThere
            If a relation or column is asked for that is not published.
        """
        cursor = self.con.cursor()
        try:
            cursor.execute("use published")
            with _ALARM.after(seconds, cursor):
                yield cursor
        except (duckdb.InterruptException, duckdb.OutOfMemoryException):
            raise TooSlow(f"this takes more than {seconds:g} s or {MEMORY_LIMIT} of memory: ask for less") from None
        except duckdb.CatalogException as error:
            raise NotThere(f"{_missing(error)} is not published yet: run `vitalhouse build` first") from None
        except duckdb.BinderException as error:
            reason = str(error).splitlines()[0]
            raise NotThere(f"another version published this ({reason}): run `vitalhouse build` again") from None
        finally:
            cursor.close()

    def close(self) -> None:
        self.con.close()
        os.close(self.descriptor)


def _connect(descriptor: int) -> duckdb.DuckDBPyConnection:
    # Attached, each to a database of its own: one that is opened by its name a second time is, within a process, the
    # one that was opened first, even if the file was replaced since.
    con = duckdb.connect(":memory:", config={"memory_limit": MEMORY_LIMIT, "threads": THREADS})
    con.execute(f"attach '{DESCRIPTORS / str(descriptor)}' as published (read_only)")
    # What does not fit into memory would be written to whatever folder the server runs in, and it is health data.
    con.execute("set temp_directory = ''")
    con.execute("set enable_progress_bar = false")
    con.execute("set enable_external_access = false")
    con.execute("set lock_configuration = true")
    return con


def _missing(error: duckdb.Error) -> str:
    """``Catalog Error: Table with name adherence does not exist!``: the name."""
    words = str(error).split("\n")[0].split()
    return words[words.index("name") + 1].strip('"') if "name" in words[:-1] else "what was asked for"


class Publications:
    """What is published, and for a while what was; for any number of threads."""

    def __init__(
        self,
        path: Path,
        kept_seconds: float = KEPT_SECONDS,
        kept_count: int = KEPT_COUNT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = path
        self.kept_seconds = kept_seconds
        self.kept_count = kept_count
        self._clock = clock
        self._lock = threading.Lock()
        # The oldest first; the last is the latest that somebody has asked for.
        self._open: list[Publication] = []

    @contextmanager
    def latest(self) -> Iterator[Publication]:
        """What is published at this moment.

        Raises
        ------
        NothingPublished
            If there is nothing that can be read.
        """
        with self._lock:
            publication = self._latest()
            publication.reader_count += 1
        with self._released(publication):
            yield publication

    @contextmanager
    def named(self, publication_id: str) -> Iterator[Publication]:
        """A publication that somebody has read in before.

        Raises
        ------
        PublicationGone
            If it was replaced so long ago that it is no longer kept, or this process never had it.
        """
        with self._lock:
            # Whether it still counts as published is known only by looking.
            if self.path.exists():
                self._latest()
            self._close_unused()
            found = [each for each in self._open if each.publication_id == publication_id and not self._is_over(each)]
            if not found:
                raise PublicationGone(
                    "other data were published since this list was begun, and its own are no longer kept: "
                    "begin it again, without the cursor"
                )
            found[-1].reader_count += 1
        with self._released(found[-1]):
            yield found[-1]

    def close(self) -> None:
        """Close what nobody reads any more; who still reads comes to the end."""
        with self._lock:
            for publication in self._open:
                publication.replaced_at = float("-inf")
            self._close_unused()

    @contextmanager
    def _released(self, publication: Publication) -> Iterator[None]:
        try:
            yield
        finally:
            with self._lock:
                publication.reader_count -= 1
                self._close_unused()

    def _latest(self) -> Publication:
        try:
            stat = self.path.stat()
            is_known = bool(self._open) and self._open[-1].file == (stat.st_dev, stat.st_ino)
        except OSError:
            is_known = False
        if not is_known:
            # An open file's inode is given to no other, so that an equal one is the same file.
            publication = Publication.open(self.path)
            if self._open:
                self._open[-1].replaced_at = self._clock()
            self._open.append(publication)
            self._close_unused()
        return self._open[-1]

    def _is_over(self, publication: Publication) -> bool:
        replaced_at = publication.replaced_at
        return replaced_at is not None and self._clock() - replaced_at > self.kept_seconds

    def _close_unused(self) -> None:
        kept = []
        for place, publication in enumerate(self._open):
            is_unwanted = self._is_over(publication) or place < len(self._open) - 1 - self.kept_count
            if is_unwanted and publication.reader_count == 0:
                publication.close()
            else:
                kept.append(publication)
        self._open = kept
