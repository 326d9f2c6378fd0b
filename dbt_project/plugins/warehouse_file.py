"""dbt-duckdb plugin: opens the door to the warehouse file, or says in one line why it stays shut.

dbt-duckdb can retry a locked file by itself (``retries`` in the profile), but it waits in silence, in pauses of 1, 2,
4, 8 seconds that dbt goes through twice (measured: 30 s for four attempts); and where there is no file it makes an
empty one, in which every model fails. This plugin says what it waits for and who holds the file, and refuses to begin
without a warehouse.
"""

import os
import re
import time
from pathlib import Path
from typing import Any

import duckdb
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt.adapters.events.logging import AdapterLogger

# A whole build holds the file for well under a minute; a person at a terminal waits about as long.
DEFAULT_WAIT_SECONDS = 60.0
# Short enough that nobody notices the wait, long enough to cost nothing.
POLL_SECONDS = 0.2

_HOLDER = re.compile(r"held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")
_LOG = AdapterLogger("DuckDB")


class WarehouseClosed(RuntimeError):
    """The warehouse cannot be opened. A RuntimeError: dbt-duckdb shows the message of those without a traceback."""


def holder_of(error: Exception) -> str | None:
    """Say which process holds the lock that DuckDB complains about; ``None`` if the error is not about a lock."""
    text = str(error)
    if "Could not set lock" not in text:
        return None
    found = _HOLDER.search(text)
    if not found:
        return "another process"
    try:
        words = Path(f"/proc/{found['pid']}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        words = [found["program"]]
    # A program given on the command line (`python -c`) may have many lines: ours has one.
    command = " ".join(" ".join([Path(words[0]).name, *words[1:]]).split())
    return f"process {found['pid']} ({command[:120]})"


class Plugin(BasePlugin):
    """Waits until the warehouse file can be opened, and holds it until dbt-duckdb has opened it too."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Called by dbt-duckdb once in a dbt command."""
        self._wait_seconds = float(os.environ.get("VITALHOUSE_LOCK_WAIT_SECONDS", DEFAULT_WAIT_SECONDS))
        # dbt tries several times to open its first connection: all tries share one deadline.
        self._deadline: float | None = None
        self._door: duckdb.DuckDBPyConnection | None = None

    def update_connection_config(self, creds: DuckDBCredentials, config: dict[str, Any]) -> None:
        """Called by dbt-duckdb right before it opens the file.

        Raises
        ------
        WarehouseClosed
            If there is no warehouse, or another process holds it for longer than ``VITALHOUSE_LOCK_WAIT_SECONDS``.
        """
        path = Path(creds.path)
        if not path.exists():
            raise WarehouseClosed(
                f"there is no warehouse at {path.absolute()}: run `vitalhouse build` first, or set VITALHOUSE_HOME"
            )
        self._door = self._open(path, config)

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Called by dbt-duckdb once it has opened the file: no other process could take it in between."""
        if self._door is not None:
            self._door.close()
            self._door = None

    def _open(self, path: Path, config: dict[str, Any]) -> duckdb.DuckDBPyConnection:
        said = None
        while True:
            try:
                connection = duckdb.connect(str(path), config=config)
                self._deadline = None
                return connection
            except duckdb.IOException as error:
                holder = holder_of(error)
                if holder is None and "checksum" in str(error) and path.with_name(path.name + ".wal").exists():
                    raise WarehouseClosed(
                        f"{path.name} was being written when a process was killed: run `vitalhouse repair`"
                    ) from None
                if holder is None:
                    raise
                now = time.monotonic()
                if self._deadline is None:
                    self._deadline = now + self._wait_seconds
                if now >= self._deadline:
                    raise WarehouseClosed(
                        f"{path.name} is in use by {holder}; gave up after {self._wait_seconds:.0f} s. "
                        "Wait for it to end, or close it, and try again"
                    ) from None
                if holder != said:
                    _LOG.info(f"{path.name} is in use by {holder}: waiting up to {self._deadline - now:.0f} s")
                    said = holder
                time.sleep(POLL_SECONDS)
