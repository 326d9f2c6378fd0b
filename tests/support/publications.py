"""Published files without a build: every mart as its contract has it, with rows made up by column type; and servers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import duckdb
import uvicorn
from starlette.types import ASGIApp

from orchestration.lib.core.home import ENVIRONMENT_VARIABLE, REPOSITORY, Home
from serving import openapi

# As SQL of the number of the row, `i`; of other types, which are numbers, that number.
_VALUES = {
    "varchar": "format('{name} {{:04}}', i)",
    "float": "i + 0.5",
    "double": "i + 0.5",
    "boolean": "i % 2 = 0",
    "timestamp": "timestamp '2025-01-01' + to_hours(i)",
    "date": "date '2025-01-01' + i::integer",
}
# Series have their rows under one participant and metric, a minute and so on apart.
_SERIES = {
    f"wearable.reading_{level}": {
        "participant_key": "'study:p1'",
        "metric": "'heart_rate_bpm'",
        "bucket_start_at": f"timestamp '2025-01-01' + to_minutes({minutes} * (i - 1))",
    }
    for level, minutes in {"1m": 1, "15m": 15, "1h": 60, "1d": 1440}.items()
} | {"wearable.participant": {"participant_key": "'study:p' || i", "participant_id": "'p' || i"}}


def publish(
    path: Path,
    row_count: int = 12,
    *,
    only: str = "",
    without: str = "",
    overrides: Mapping[str, Mapping[str, str]] | None = None,
) -> str:
    """Replace the published file by one with so many rows in each relation; gives the publication's id.

    ``only`` has the relations whose name begins so, ``without`` leaves them out; ``overrides`` has SQL for a relation's
    columns.
    """
    publication_id = str(uuid.uuid4())
    unfinished = path.with_name(f"{path.name}.{publication_id}")
    chosen = {**_SERIES, **(overrides or {})}
    relations = [
        name for name in openapi.described() if name.startswith(only) and not (without and name.startswith(without))
    ]
    with duckdb.connect(str(unfinished)) as con:
        con.execute("create schema catalog")
        for relation in relations:
            con.execute(f"create schema if not exists {relation.split('.')[0]}")
            columns = ", ".join(
                f"({chosen.get(relation, {}).get(name) or _value(name, kind)})::{kind} as {name}"
                for name, kind in openapi.column_types(relation).items()
            )
            con.execute(
                f"create table {relation} as select {columns} from range(1, $n + 1) as rows (i)", {"n": row_count}
            )
        con.execute(
            "create table catalog.publication as "
            "select $id as publication_id, $at::timestamp as published_at, unnest($names) as relation, $n as row_count",
            {"id": publication_id, "at": datetime(2026, 1, 1), "names": relations, "n": row_count},
        )
    unfinished.replace(path)
    return publication_id


def _value(name: str, kind: str) -> str:
    base = kind.lower().partition("(")[0]
    if base.endswith("[]"):
        return f"[{_value(name, base.removesuffix('[]'))}]"
    return "i * 1.25" if base == "decimal" else _VALUES.get(base, "i").format(name=name)


@contextmanager
def running(app: ASGIApp) -> Iterator[str]:
    """Serve an app on a free port of this machine, in a thread; gives its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + 30
        while not server.started:
            assert thread.is_alive(), "the server ended before it had started"
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)


@contextmanager
def served(home: Home, *arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`vitalhouse serve`, as a person types it; gives its address and the process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli", "serve", "--port", "0", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, ENVIRONMENT_VARIABLE: str(home.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        found = re.match(r"Vitalhouse is on (http://127\.0\.0\.1:\d+) \(Ctrl-C ends it\)\n", said)
        assert found, said + process.stdout.read()
        yield found[1], process
    finally:
        process.kill()
        process.wait()
