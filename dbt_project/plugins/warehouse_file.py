"""dbt-duckdb plugin: wait for the warehouse file, and say in one line why it cannot be opened.

dbt-duckdb's own ``retries`` waits in silence and ends in a traceback: it expects a RuntimeError, which DuckDB's errors
are not. Where there is no file, DuckDB would make an empty one, in which every model fails.
"""

import os
import time
from pathlib import Path
from typing import Any

import duckdb
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt.adapters.events.logging import AdapterLogger

# A whole build of the sample holds the file for well under a minute; a person at a terminal waits about as long.
DEFAULT_WAIT_SECONDS = 60.0
# Short enough that nobody notices the wait, long enough to cost nothing.
POLL_SECONDS = 0.2


class Plugin(BasePlugin):
    """Open the warehouse file before dbt-duckdb does, and hold it until dbt-duckdb has opened it too."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Read how long to wait. dbt tries its first connection several times: all tries share one deadline."""
        self._wait_seconds = float(os.environ.get("VITALHOUSE_LOCK_WAIT_SECONDS", DEFAULT_WAIT_SECONDS))
        self._deadline: float | None = None

    def update_connection_config(self, creds: DuckDBCredentials, config: dict[str, Any]) -> None:
        """Open the file, or raise a RuntimeError, which dbt-duckdb shows without a traceback."""
        path = Path(creds.path)
        if not path.exists():
            raise RuntimeError(
                f"there is no warehouse at {path.absolute()}: run `vitalhouse build` first, or set VITALHOUSE_HOME"
            )
        while True:
            try:
                self._connection = duckdb.connect(str(path), config=config)
                return
            except duckdb.IOException as error:
                if "Could not set lock" not in str(error):
                    advice = ". Run `vitalhouse repair`" if "does not match stored checksum" in str(error) else ""
                    raise RuntimeError(f"{error}{advice}") from None
                self._wait(str(error))

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Close our connection: dbt-duckdb has its own, and no other process could take the file in between."""
        self._connection.close()

    def _wait(self, reason: str) -> None:
        if self._deadline is None:
            self._deadline = time.monotonic() + self._wait_seconds
            AdapterLogger("DuckDB").info(f"waiting up to {self._wait_seconds:.0f} s: {reason}")
        if time.monotonic() >= self._deadline:
            raise RuntimeError(f"{reason} Gave up after {self._wait_seconds:.0f} s")
        time.sleep(POLL_SECONDS)
