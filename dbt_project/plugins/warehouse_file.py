"""dbt-duckdb plugin: opens the door to the warehouse file, or says in one line why it stays shut.

dbt-duckdb can retry a locked file by itself (``retries`` in the profile), but it waits in silence, sleeps in powers of two
and ends with DuckDB's own text of three lines; and where there is no file it makes an empty one in which every model
fails. This plugin waits with a message, names the process that holds the file, and refuses to begin without a warehouse.
"""

import os
import re
import time
from pathlib import Path
from typing import Any

import duckdb
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt_common.exceptions import DbtRuntimeError

# A whole build of one delivery holds the file for well under a minute; a person at a terminal waits about as long.
DEFAULT_WAIT_SECONDS = 60.0
# Short enough that nobody notices the wait, long enough to cost nothing.
POLL_SECONDS = 0.2

_HOLDER = re.compile(r"held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")


def holder_of(error: Exception) -> str | None:
    """Say which process holds the lock that DuckDB complains about; ``None`` if the error is not about a lock."""
    text = str(error)
    if "Could not set lock" not in text:
        return None
    found = _HOLDER.search(text)
    return f"process {found['pid']} ({Path(found['program']).name})" if found else "another process"


class Plugin(BasePlugin):
    """Waits until the warehouse file can be opened for writing."""

    def update_connection_config(self, creds: DuckDBCredentials, config: dict[str, Any]) -> None:
        """Called by dbt-duckdb right before it opens the file.

        Raises
        ------
        DbtRuntimeError
            If there is no warehouse, or another process holds it for longer than ``VITALHOUSE_LOCK_WAIT_SECONDS``.
        """
        path = Path(creds.path)
        if not path.exists():
            raise DbtRuntimeError(
                f"there is no warehouse at {path.absolute()}: run `vitalhouse build` first, or set VITALHOUSE_HOME"
            )
        wait_seconds = float(os.environ.get("VITALHOUSE_LOCK_WAIT_SECONDS", DEFAULT_WAIT_SECONDS))
        deadline = time.monotonic() + wait_seconds
        said = None
        while True:
            try:
                duckdb.connect(str(path), config=config).close()
                return
            except duckdb.IOException as error:
                holder = holder_of(error)
                if holder is None:
                    raise
                if time.monotonic() >= deadline:
                    raise DbtRuntimeError(
                        f"{path.name} is in use by {holder}; gave up after {wait_seconds:.0f} s. "
                        "Wait for it to end, or close it, and try again"
                    ) from None
                if holder != said:
                    print(f"{path.name} is in use by {holder}: waiting up to {wait_seconds:.0f} s", flush=True)
                    said = holder
                time.sleep(POLL_SECONDS)
