"""Open the warehouse file: wait for its lock, name the process that holds it, and create its tables."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from orchestration.lib.core.errors import VitalhouseError
from orchestration.lib.core.files import write_atomically

# A build of a full delivery holds the file for minutes; ten of them is longer than any single step was seen to take.
LOCK_TIMEOUT_SECONDS = 600.0
# Short enough that a waiting person does not notice, long enough to cost nothing.
LOCK_POLL_SECONDS = 0.1
_HOLDER = re.compile(r"held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")
Say = Callable[[str], None]
# How DuckDB refuses a block that was half written.
TORN_BLOCK = re.compile(
    r"computed checksum \d+ does not match stored checksum \d+ in block at location (?P<offset>\d+)"
)
# Creates the tables that a warehouse has from the first opening on.
CreateTables = Callable[[duckdb.DuckDBPyConnection], None]


class WarehouseLocked(VitalhouseError):
    """Another process held the warehouse for longer than the lock timeout."""


def lock_holder(error: Exception) -> str | None:
    """Name the process that holds the lock of which DuckDB complains; ``None`` if the error is not about a lock."""
    text = str(error)
    if "Could not set lock" not in text and "different configuration" not in text:
        return None
    match = _HOLDER.search(text)
    if not match:
        return "another connection of this process" if "different configuration" in text else "another process"
    command = Path(f"/proc/{match['pid']}/cmdline")
    try:
        words = command.read_bytes().decode(errors="replace").split("\0")
    except OSError:
        words = [match["program"]]
    command_line = " ".join(Path(word).name if index == 0 else word for index, word in enumerate(words) if word)
    # `python -c` has lines among its arguments; the message is one.
    return f"process {match['pid']} ({' '.join(command_line.split())[:120]})"


def is_torn(path: Path, error: Exception) -> bool:
    """Return whether DuckDB refuses a file because its last writer was killed within a checkpoint.

    Only a file beside which a write-ahead log lies: in one that was closed, a wrong checksum means a bad disk.
    """
    return TORN_BLOCK.search(str(error)) is not None and path.with_name(path.name + ".wal").exists()


@contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commit everything that is done inside, or, after an error, nothing."""
    con.execute("begin transaction")
    try:
        yield
    except BaseException:
        con.execute("rollback")
        raise
    con.execute("commit")


class Warehouse:
    """The warehouse file, opened for one step at a time."""

    def __init__(
        self,
        path: Path,
        create_tables: CreateTables | None = None,
        lock_timeout_seconds: float = LOCK_TIMEOUT_SECONDS,
        say: Say | None = None,
    ) -> None:
        self.path = path
        self.create_tables: CreateTables = create_tables or (lambda con: None)
        self.lock_timeout_seconds = lock_timeout_seconds
        self.say: Say = say or (lambda message: None)

    @contextmanager
    def write(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the warehouse for writing; every catalog and raw table exists.

        Raises
        ------
        WarehouseLocked
            If another process holds the file for longer than ``lock_timeout_seconds``.
        """
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.path.exists():
            self._create()
        con = self._connect(read_only=False)
        try:
            self.create_tables(con)
            yield con
        finally:
            con.close()

    @contextmanager
    def read(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the warehouse for reading.

        Raises
        ------
        VitalhouseError
            If there is no warehouse yet.
        WarehouseLocked
            If a writer holds the file for longer than ``lock_timeout_seconds``.
        """
        if not self.path.exists():
            raise VitalhouseError(f"there is no warehouse at {self.path} yet: run `vitalhouse build` first")
        con = self._connect(read_only=True)
        try:
            yield con
        finally:
            con.close()

    def _create(self) -> None:
        """Create an empty warehouse, whole or not at all: half of one, left by a kill, could never be opened."""
        # The warehouse that another process has made meanwhile stays.
        with suppress(FileExistsError):
            write_atomically(self.path, lambda unfinished: duckdb.connect(str(unfinished)).close(), replace=False)

    def _connect(self, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        deadline = time.monotonic() + self.lock_timeout_seconds
        announced_holder = None
        while True:
            try:
                con = duckdb.connect(str(self.path), read_only=read_only)
            except duckdb.Error as error:
                holder = lock_holder(error)
                if is_torn(self.path, error):
                    raise VitalhouseError(
                        f"{self.path} was being written when a process was killed: run `vitalhouse repair`"
                    ) from error
                if holder is None:
                    raise VitalhouseError(f"cannot open {self.path}: {str(error).splitlines()[0]}") from error
                if time.monotonic() >= deadline:
                    raise WarehouseLocked(
                        f"{self.path.name} is in use by {holder}; gave up after {self.lock_timeout_seconds:.0f} s. "
                        "Wait for it to end, or close it, and try again"
                    ) from error
                if holder != announced_holder:
                    self.say(f"{self.path.name} is in use by {holder}: waiting")
                    announced_holder = holder
                time.sleep(LOCK_POLL_SECONDS)
            else:
                # The command has a bar of its own; what a program prints as JSON must be nothing else.
                con.execute("set enable_progress_bar = false")
                return con
