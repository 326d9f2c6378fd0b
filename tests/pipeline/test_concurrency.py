"""Builds, readers and dbt at the same time, each a process of its own, as on a working day."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from orchestration.lib.core.home import ENVIRONMENT_VARIABLE, REPOSITORY, Home
from orchestration.lib.modelling import dbt_cli
from synthetic.files import write_file
from tests.pipeline.conftest import Built, restore_parse_cache

# A build or a dbt command takes ten seconds, and several times that on a machine that others use too.
TIMEOUT_SECONDS = 240
BUILD = [sys.executable, "-m", "orchestration.cli", "build", "--measurement", "ecg"]
# Opens the published file anew for each read, until its standard input is closed; then writes what it saw.
READER = """
import json, select, sys, time
import duckdb

reads = []
while not select.select([sys.stdin], [], [], 0)[0]:
    with duckdb.connect(sys.argv[1], read_only=True) as con:
        publication = con.execute("select publication_id, relation, row_count from catalog.publication").fetchall()
        # Some time passes, with the file open: a publication that was not whole, or changed under a reader, would show.
        time.sleep(0.25)
        counted = {name: con.execute(f"select count(*) from {name}").fetchone()[0] for _, name, _ in publication}
        runs = con.execute("select sum(run_count) from ecg.subject").fetchone()[0]
    reads.append({
        "ids": sorted({publication_id for publication_id, _, _ in publication}),
        "said": {relation: row_count for _, relation, row_count in publication},
        "counted": counted,
        "runs_of_subjects": int(runs),
    })
print(json.dumps(reads))
"""
HOLDER = """
import sys
import duckdb

with duckdb.connect(sys.argv[1]):
    print("holds it", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def home(built: Built, tmp_path: Path) -> Home:
    """A built home into which a new run has come: every build until it is loaded publishes other rows than the last."""
    shutil.copytree(built.home.path, tmp_path / "home")
    home = Home(tmp_path / "home")
    restore_parse_cache(home)
    folder = home.lake_path / "incoming/clinic=sf_state/measurement=ecg"
    for ending in (".csv", "_header.json"):
        content = (folder / f"2020-01-01/subject_03/run_1{ending}").read_bytes()
        write_file(folder / f"2020-12-02/subject_03/run_50{ending}", content)
    return home


@pytest.mark.slow
def test_readers_a_second_build_and_dbt_during_a_build(home: Home) -> None:
    with ExitStack() as stack:
        reader = stack.enter_context(_started(home, [sys.executable, "-c", READER, str(home.published_path)]))
        first = stack.enter_context(_started(home, BUILD))
        _wait_for_line(first, "reading the dbt project")
        _wait_until(lambda: home.build_lock_path.read_text() != "", "the first build has its turn")
        # asked to build from all rows, since nothing is new for it
        second = stack.enter_context(_started(home, [*BUILD, "--full-refresh"]))
        in_terminal = stack.enter_context(_dbt_test(home))
        saw = _wait_for_line(second, "another build is under way")
        assert re.search(rf"\(process {first.pid}, since .* UTC\): waiting for it to end", saw)

        for build in (first, second):
            said, _ = build.communicate(timeout=TIMEOUT_SECONDS)
            assert build.returncode == 0, said
        said, _ = in_terminal.communicate(timeout=TIMEOUT_SECONDS)
        _has_results_or_names_the_holder(in_terminal.returncode, said)
        assert reader.poll() is None
        seen, _ = reader.communicate(timeout=TIMEOUT_SECONDS)
    _every_read_saw_one_publication(seen)


def test_dbt_in_a_terminal_says_in_one_line_who_holds_the_warehouse(home: Home) -> None:
    with _started(home, [sys.executable, "-c", HOLDER, str(home.warehouse_path)]) as holder:
        _wait_for_line(holder, "holds it")
        with _dbt_test(home, VITALHOUSE_LOCK_WAIT_SECONDS="1") as in_terminal:
            said, _ = in_terminal.communicate(timeout=TIMEOUT_SECONDS)
    assert in_terminal.returncode != 0
    assert "Traceback" not in said
    assert said.splitlines()[-1].strip().startswith("IO Error: Could not set lock on file"), said
    assert f"(PID {holder.pid})" in said.splitlines()[-1], said
    assert said.splitlines()[-1].endswith("Gave up after 1 s")


def _every_read_saw_one_publication(seen: str) -> None:
    reads = json.loads(seen)
    for read in reads:
        assert len(read["ids"]) == 1
        assert read["counted"] == read["said"]
        assert read["runs_of_subjects"] == read["counted"]["ecg.run"]
    publications = list(dict.fromkeys((read["ids"][0], read["counted"]["ecg.run"]) for read in reads))
    # None is seen again after a newer one: that of the home as it was, then one with the new run for each build.
    assert [runs - publications[0][1] for _, runs in publications] == [0, 1, 1]
    changes = sum(one["ids"] != other["ids"] for one, other in pairwise(reads))
    assert changes == 2
    print(f"{len(reads)} reads of {len(publications)} publications")


def _has_results_or_names_the_holder(exit_code: int, said: str) -> None:
    """A test may fail: between the build's steps the raw tables are ahead of the models, and dbt may see just that."""
    assert "Traceback" not in said
    results = re.search(r"Done\. PASS=(\d+) WARN=0 ERROR=(\d+) SKIP=0", said.splitlines()[-1])
    if results:
        assert int(results[1]) > 0
        assert said.count("Failure in test") == int(results[2]), said
        assert (exit_code == 0) == (results[2] == "0")
    else:
        assert "Could not set lock on file" in said.splitlines()[-1], said


@contextmanager
def _dbt_test(home: Home, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """`dbt test` in the project's folder, as a person types it; only its own files go elsewhere, for the next test."""
    own = home.path.with_name("terminal")
    # dbt parses the project for seconds unless it finds what it remembers.
    shutil.copytree(home.dbt_target_path, own)
    paths = {"DBT_TARGET_PATH": str(own), "DBT_LOG_PATH": str(own)}
    # The tests of one source, as its build runs too: those of all take three times as long.
    arguments = [dbt_cli.executable(), "--no-use-colors", "test", "--select", "tag:ecg"]
    with _started(home, arguments, dbt_cli.PROJECT_PATH, **paths, **environment) as process:
        yield process


@contextmanager
def _started(
    home: Home, arguments: list[str], folder: Path = REPOSITORY, **environment: str
) -> Iterator[subprocess.Popen[str]]:
    """A process that does not outlive the test."""
    process = subprocess.Popen(
        arguments,
        cwd=folder,
        env={**os.environ, ENVIRONMENT_VARIABLE: str(home.path), **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _wait_for_line(process: subprocess.Popen[str], text: str) -> str:
    """Read what the process says, up to the line with this text."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if text in line:
            return line
    raise AssertionError(f"it ended without saying '{text}':\n{''.join(said)}")


def _wait_until(is_so: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, f"never came: {what}"
        time.sleep(0.05)
