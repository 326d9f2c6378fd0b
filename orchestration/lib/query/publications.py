"""Read the published file in a long-running process: each request sees one publication, though the file is replaced.

A replaced publication is kept open for a while: a reader who pages through a list ends in the publication in which the
list was begun.
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
from orchestration.lib.query.published import NothingPublished, connect_published

# Revenue is published every ten minutes: a list that was begun in one publication can be read until the next but one.
# No longer, since the replaced publication still holds the rows of participants who have withdrawn.
KEPT_SECONDS = 600.0
# Each keeps its file's blocks on the disk: a night of many builds must not keep them all.
KEPT_COUNT = 8
# A page's rows or a series' buckets take some megabytes; a query that needs more asks for too much.
MEMORY_LIMIT = "1GB"
# Many requests run at once, each on a thread of its own: more threads for each would only share the cores.
THREADS = 1
# Longest delay after which a query that takes too long is ended.
TIMEOUT_CHECK_SECONDS = 0.1
# An open file under its number: this very file, though another has its name by now.
DESCRIPTORS = Path("/dev/fd")


class PublicationGone(VitalhouseError):
    """The requested publication is no longer kept."""


class TooSlow(VitalhouseError):
    """A query took more time or memory than allowed."""


class QueryTimeout:
    """Interrupts queries that take too long: one thread for all, since most end before a thread has started."""

    def __init__(self) -> None:
        self._due: dict[int, tuple[float, duckdb.DuckDBPyConnection]] = {}
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    @contextmanager
    def after(self, timeout_s: float, con: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Interrupt the connection's query after so many seconds, unless the block has ended by then."""
        with self._lock:
            self._due[id(con)] = time.monotonic() + timeout_s, con
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="query timeout", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                del self._due[id(con)]

    def _watch(self) -> None:
        while True:
            time.sleep(TIMEOUT_CHECK_SECONDS)
            with self._lock:
                for due, con in self._due.values():
                    if due < time.monotonic():
                        con.interrupt()


_TIMEOUT = QueryTimeout()


@dataclass
class Publication:
    """One state of the published file, open read-only. It stays readable when the file is replaced.

    ``row_counts`` is by relation. No query on it can reach another file.
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
        """Open the current publication.

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
            con = connect_published(DESCRIPTORS / str(descriptor), memory_limit=MEMORY_LIMIT, threads=THREADS)
            con.execute("set enable_external_access = false")
            con.execute("set lock_configuration = true")
            rows = con.execute(
                "select publication_id, published_at, relation, row_count from catalog.publication"
            ).fetchall()
            publication_id, published_at = rows[0][:2]
        except (duckdb.Error, IndexError) as error:
            os.close(descriptor)
            reason = str(error).splitlines()[0]
            raise NothingPublished(f"{path} cannot be read ({reason}): run `vitalhouse build` again") from None
        stat = os.fstat(descriptor)
        row_counts = {relation: count for _, _, relation, count in rows}
        return cls(publication_id, published_at, row_counts, (stat.st_dev, stat.st_ino), descriptor, con)

    @contextmanager
    def query_session(self, timeout_s: float) -> Iterator[duckdb.DuckDBPyConnection]:
        """Give a connection for the queries of one request, for so many seconds.

        Raises
        ------
        TooSlow
            If a query has not ended by then.
        NotThere
            If a query names a relation or column that is not published.
        """
        cursor = self.con.cursor()
        try:
            cursor.execute("use published")
            with _TIMEOUT.after(timeout_s, cursor):
                yield cursor
        except (duckdb.InterruptException, duckdb.OutOfMemoryException):
            raise TooSlow(f"this takes more than {timeout_s:g} s or {MEMORY_LIMIT} of memory: ask for less") from None
        except duckdb.CatalogException as error:
            raise NotThere(f"{_missing(error)} is not published yet: run `vitalhouse build` first") from None
        except duckdb.BinderException as error:
            reason = str(error).splitlines()[0]
            raise NotThere(f"another version published this ({reason}): run `vitalhouse build` again") from None
        finally:
            cursor.close()

    def close(self) -> None:
        """Close the connection and the file."""
        self.con.close()
        os.close(self.descriptor)


def _missing(error: duckdb.Error) -> str:
    """Find the name in ``Catalog Error: Table with name adherence does not exist!``."""
    words = str(error).split("\n")[0].split()
    return words[words.index("name") + 1].strip('"') if "name" in words[:-1] else "the relation"


class Publications:
    """The current publication, and for a while those that it replaced; for any number of threads."""

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
        # The oldest first; the last is the current one as of the latest request.
        self._open: list[Publication] = []

    @contextmanager
    def latest(self) -> Iterator[Publication]:
        """Hold the current publication open.

        Raises
        ------
        NothingPublished
            If there is none that can be read.
        """
        with self._lock:
            publication = self._latest()
            publication.reader_count += 1
        with self._released(publication):
            yield publication

    @contextmanager
    def named(self, publication_id: str) -> Iterator[Publication]:
        """Hold a publication open that a request has read before.

        Raises
        ------
        PublicationGone
            If it was replaced so long ago that it is no longer kept, or this process never had it.
        """
        with self._lock:
            # Only the file itself shows whether it was replaced meanwhile.
            if self.path.exists():
                self._latest()
            self._close_unused()
            matches = [
                publication
                for publication in self._open
                if publication.publication_id == publication_id and not self._is_over(publication)
            ]
            if not matches:
                raise PublicationGone(
                    "other data were published since this list was begun, and its own are no longer kept: "
                    "begin it again, without the cursor"
                )
            matches[-1].reader_count += 1
        with self._released(matches[-1]):
            yield matches[-1]

    def close(self) -> None:
        """Close the publications without readers; the others close when their readers end."""
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
        for index, publication in enumerate(self._open):
            is_expired = self._is_over(publication) or index < len(self._open) - 1 - self.kept_count
            if is_expired and publication.reader_count == 0:
                publication.close()
            else:
                kept.append(publication)
        self._open = kept
