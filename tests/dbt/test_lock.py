"""Plain dbt and a warehouse that somebody else holds."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.dbt_home import DbtHome

HOLD = """
import sys, time, duckdb
con = duckdb.connect(sys.argv[1])
con.execute("create schema if not exists held")
print("held", flush=True)
time.sleep(600)
"""

# A test that asks little, so that the time goes into waiting.
ONE_TEST = ("test", "--select", "no_nulls_catalog_load")


@contextmanager
def held(home: DbtHome) -> Iterator[subprocess.Popen[str]]:
    """Another process holds the warehouse for writing, until it is killed."""
    command = [sys.executable, "-c", HOLD, str(home.warehouse_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_dbt_gives_up_in_one_line_that_names_the_holder(home: DbtHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITALHOUSE_LOCK_WAIT_SECONDS", "1")
    with held(home) as holder:
        started = time.monotonic()
        run = home.dbt(*ONE_TEST)
        waited = time.monotonic() - started
    assert not run.success
    message = str(run.exception).splitlines()[-1].strip()
    assert message.startswith(f'IO Error: Could not set lock on file "{home.warehouse_path}"')
    assert f"(PID {holder.pid})" in message
    assert message.endswith("Gave up after 1 s")
    # dbt asks for its first connection several times: the wait is for all of them together
    assert waited < 20


def test_dbt_says_whom_it_waits_for_and_goes_on_when_they_end(home: DbtHome) -> None:
    said = []
    with held(home) as holder:

        def let_go_once_dbt_waits(message: str) -> None:
            if "waiting up to 60 s" in message:
                said.append(message)
                holder.kill()

        run = home.dbt(*ONE_TEST, on_message=let_go_once_dbt_waits)
    assert run.success
    assert len(said) == 1
    assert "warehouse.duckdb" in said[0]
    assert f"(PID {holder.pid})" in said[0]


def test_dbt_says_that_there_is_no_warehouse(home: DbtHome) -> None:
    home.warehouse_path.unlink()
    run = home.dbt(*ONE_TEST)
    assert not run.success
    assert str(run.exception).splitlines()[-1].strip() == (
        f"there is no warehouse at {home.warehouse_path}: run `vitalhouse build` first, or set VITALHOUSE_HOME"
    )
    assert not home.warehouse_path.exists()
