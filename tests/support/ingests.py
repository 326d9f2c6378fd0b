"""Claim, load and transform as a process of their own that can be killed at any moment.

A server process imports everything once and forks for each ingest: a process is there in milliseconds, and it is a
clean one, whatever the test process has open. The server has no connection of DuckDB and no thread of numpy, so that
forking is safe.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from orchestration.lib.contract.entity import entities_of
from orchestration.lib.core.home import REPOSITORY, Home
from orchestration.lib.lake.claim import claim
from orchestration.lib.sources import ENTITIES, open_warehouse
from orchestration.lib.sources.ecg.contract import ECG_RUN_HEADER

# An ingest of these tests takes half a second; a minute means that it hangs.
TIMEOUT_SECONDS = 60.0
# About seven signals: a transform of several transactions, so that kills fall between them too.
TRANSACTION_BYTES = 500_000
# The process's number in a temporary file's name: other in each life.
_CHANCE = re.compile(r"(?<=\.)\d+(?=\.tmp)")
# Statements that change a table, as far as they are not about a temporary one.
_DURABLE = re.compile(r"(create|alter|insert into|update|delete from)\b.{0,20}\b(catalog|raw)\.")
# Modules that open transactions for others.
_TRANSACTIONS = ("orchestration.lib.warehouse.connection", "orchestration.lib.catalog.load_transaction")
_NO_THREADS = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}


@dataclass(frozen=True)
class Ended:
    """How an ingest ended; ``steps`` are the instants that it passed, the last one that at which it was killed."""

    was_killed: bool
    seconds: float
    steps: tuple[str, ...] = ()


class IngestFailed(Exception):
    """The ingest ended by itself, but not well; what it wrote to standard error."""


class Ingests:
    """Starts ingests, one at a time."""

    def __enter__(self) -> "Ingests":
        self.server = subprocess.Popen(
            [sys.executable, "-m", "tests.support.ingests"],
            cwd=REPOSITORY,
            env={**os.environ, **_NO_THREADS},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.communicate()

    def run(
        self,
        home: Home,
        now: datetime,
        *,
        kill_after_s: float | None = None,
        kill_at: str | None = None,
        passing: Collection[str] = (),
    ) -> Ended:
        """Ingest what lies in the home's lake; ``now`` is the time after which a claim names its delivery.

        Parameters
        ----------
        kill_after_s
            Kill the process after this time, unless it has ended.
        kill_at
            Let the process kill itself at the first instant whose name this regular expression fits, but for the
            instants named in ``passing``.

        Raises
        ------
        IngestFailed
            If it ended with an error, or not at all.
        """
        order = {
            "home": str(home.path),
            "now": now.timestamp(),
            "kill_after_s": kill_after_s,
            "kill_at": kill_at,
            "passing": list(passing),
        }
        assert self.server.stdin
        assert self.server.stdout
        self.server.stdin.write(json.dumps(order) + "\n")
        self.server.stdin.flush()
        answer = json.loads(self.server.stdout.readline())
        if answer["status"] not in (0, -signal.SIGKILL):
            raise IngestFailed(answer["said"])
        return Ended(answer["status"] != 0, answer["seconds"], tuple(answer["steps"]))


def serve() -> None:
    """Fork an ingest for each order on standard input; answer on standard output."""
    import pyarrow.dataset  # noqa: F401 - DuckDB imports it when it first sees an Arrow table: here once for all forks

    from orchestration.lib.ingest import load  # noqa: F401

    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line))), flush=True)


def _answer(order: dict[str, Any]) -> dict[str, Any]:
    folder = Path(order["home"])
    said, steps = folder.with_name(f"{folder.name}.stderr"), folder.with_name(f"{folder.name}.steps")
    steps.write_text("")
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        _become_ingest(order, said, steps)
    status = _wait(child, started + (order["kill_after_s"] or TIMEOUT_SECONDS))
    if status is None:
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if order["kill_after_s"] is None:
            status = 1 << 8
            said.write_text(f"still running after {TIMEOUT_SECONDS} s\n{said.read_text()}")
    return {
        "status": os.waitstatus_to_exitcode(status),
        "seconds": time.monotonic() - started,
        "said": said.read_text() if said.exists() else "",
        "steps": steps.read_text().splitlines(),
    }


def _wait(child: int, deadline: float) -> int | None:
    """The status with which the process ended, ``None`` if it still runs at the deadline."""
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            return None
        # A millisecond is a small part of any phase, and costs next to nothing.
        time.sleep(min(0.001, remaining))


def _become_ingest(order: dict[str, Any], said: Path, steps: Path) -> None:
    """In the forked process: ingest, then end without returning."""
    status = 1
    try:
        with said.open("w") as err:
            os.dup2(err.fileno(), 2)
        home = Home(Path(order["home"]))
        if order["kill_at"] is None:
            ingest(home, order["now"])
        else:
            with _watching(_Steps(home, order["kill_at"], frozenset(order["passing"]), steps)):
                ingest(home, order["now"])
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def ingest(home: Home, now: float) -> None:
    """What a build does before dbt."""
    from orchestration.lib.ingest import typed_files
    from orchestration.lib.ingest.load import crawl_and_load
    from orchestration.lib.lake.files import Lake
    from orchestration.lib.sources.ecg import transform

    transform.TRANSACTION_BYTES = TRANSACTION_BYTES
    lake, warehouse = Lake(home.lake_path), open_warehouse(home.warehouse_path)
    claim(lake, ENTITIES, clock=lambda: now)
    crawl_and_load(ECG_RUN_HEADER, ENTITIES, lake, warehouse)
    transform.transform_runs(lake, warehouse)
    if lake.deliveries("wearable"):
        # A chunk a file: a transaction of several inserts, so that kills fall between them too.
        typed_files.CHUNK_FILES = 1
        for entity in entities_of(ENTITIES, "wearable"):
            crawl_and_load(entity, ENTITIES, lake, warehouse)


class _Steps:
    """The instants between which something durable happens; ends the process at the chosen one."""

    def __init__(self, home: Home, kill_at: str, passing: frozenset[str], trace: Path) -> None:
        self.home, self.kill_at, self.passing = str(home.path), re.compile(kill_at), passing
        self.trace = trace.open("w")

    def reach(self, name: str) -> None:
        name = _CHANCE.sub("*", name.replace(self.home + "/", ""))
        self.trace.write(name + "\n")
        self.trace.flush()
        if name not in self.passing and self.kill_at.search(name):
            os.kill(os.getpid(), signal.SIGKILL)

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Python tells of each change of the file system right before it happens."""
        if event == "open":
            path, _, flags = arguments
            if flags & (os.O_WRONLY | os.O_RDWR) and self._is_ours(path):
                self.reach(f"before writing {path}")
        elif event == "os.mkdir" and not Path(arguments[0]).parent.is_dir():
            pass  # it will fail, and be done again when the parent is made
        elif event == "os.mkdir" and Path(arguments[0]).is_dir():
            pass  # there is nothing to do
        elif event in ("os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.link"):
            paths = [os.fspath(path) for path in arguments if self._is_ours(path)]
            if paths:
                self.reach(f"before {event.removeprefix('os.')} {' to '.join(paths)}")

    def _is_ours(self, path: object) -> bool:
        return isinstance(path, str | os.PathLike) and str(path).startswith(self.home + "/")


class _WatchedConnection:
    """A DuckDB connection whose durable statements are steps: commits, and what is executed outside a transaction."""

    def __init__(self, con: Any, steps: _Steps) -> None:
        self._con, self._steps = con, steps
        self._is_transaction, self._load = False, ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._con, name)

    def execute(self, sql: str, parameters: Any = None) -> Any:
        text = " ".join(sql.lower().split())
        verb = text.partition(" ")[0]
        if verb in ("begin", "rollback"):
            self._is_transaction, self._load = verb == "begin", ""
        elif text.startswith("insert into catalog.load"):
            self._load = f" of load {parameters[0]}"
        if verb == "commit":
            self._is_transaction = False
            self._steps.reach(f"before commit{self._load} in {_caller()}")
            self._con.execute(sql)
            self._steps.reach(f"after commit{self._load} in {_caller()}")
            return self._con
        if not self._is_transaction and _DURABLE.match(text):
            self._steps.reach(f"before {text[:60]} in {_caller()}")
        return self._con.execute(sql, parameters)


def _caller() -> str:
    """Name the function of a library module that is at work, other than those that open transactions for others."""
    frame = sys._getframe(1)
    while frame.f_back:
        module = frame.f_globals.get("__name__", "")
        if module.startswith("orchestration.lib.") and module not in _TRANSACTIONS:
            return f"{module.rpartition('.')[2]}.{frame.f_code.co_name}"
        frame = frame.f_back
    return "nowhere"


@contextlib.contextmanager
def _watching(steps: _Steps) -> Iterator[None]:
    import duckdb

    connect = duckdb.connect

    def watched(path: str, *arguments: Any, **options: Any) -> _WatchedConnection:
        steps.reach(f"before opening the warehouse in {_caller()}")
        return _WatchedConnection(connect(path, *arguments, **options), steps)

    duckdb.connect = watched  # type: ignore[assignment]
    sys.addaudithook(steps.audit)
    yield
    steps.reach("at the end")


if __name__ == "__main__":
    serve()
