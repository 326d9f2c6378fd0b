"""What people type, as they type it: output, exit codes, and never a traceback."""

import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from orchestration.cli import notebooks
from orchestration.cli.commands import main
from orchestration.lib.core.home import ENVIRONMENT_VARIABLE, REPOSITORY, Home
from orchestration.lib.core.lock import hold_lock
from orchestration.lib.lake.files import Lake
from orchestration.lib.publish.publish import published_row_counts
from orchestration.lib.sources import open_warehouse
from tests.pipeline.conftest import Built, restore_parse_cache
from tests.support.balance_files import customer, load, phone, put, steps


def vitalhouse(home: Home, *arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, env={ENVIRONMENT_VARIABLE: str(home.path), "COLUMNS": "200"})


def command(home: Home, *arguments: str) -> subprocess.Popen[str]:
    """The command as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, ENVIRONMENT_VARIABLE: str(home.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Whoever starts the tests in the background of a script lets them ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_help_imports_nothing_heavy() -> None:
    script = "import sys; import orchestration.cli.commands; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, check=True, capture_output=True, text=True)
    assert not {"dagster", "dbt", "duckdb", "rich", "numpy", "pyarrow"} & set(found.stdout.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["build", "--nonsense"],
        ["build", "--measurement", "astrology"],
        ["generate"],
        ["generate", "astrology"],
        ["generate", "ecg", "--scale", "0"],
        ["generate", "ecg", "--scale", "many"],
        ["generate", "ecg", "--days", "5"],
        ["generate", "all", "--days", "5"],
        ["generate", "wearable", "--days", "4"],
        ["notebook", "astrology"],
        ["sql"],
        ["sql", "select 1", "--file", "Makefile"],
        ["sql", "--file", "no such file"],
        ["sql", "select 1", "--format", "xml"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2(home: Home, arguments: list[str]) -> None:
    result = vitalhouse(home, *arguments)
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output


def test_generate_writes_deliveries_once(home: Home) -> None:
    first = vitalhouse(home, "generate", "all", "--scale", "0.04", "--bad-input")
    assert first.exit_code == 0
    assert "2020-01-01" in first.output
    assert "2020-12-01" in first.output
    assert "bad inputs" in first.output
    files = {path: path.stat().st_mtime_ns for path in home.lake_path.rglob("*")}
    assert vitalhouse(home, "generate", "ecg", "--scale", "0.04").exit_code == 0
    assert files == {path: path.stat().st_mtime_ns for path in home.lake_path.rglob("*")}


def test_generate_never_changes_a_delivery(home: Home) -> None:
    vitalhouse(home, "generate", "ecg", "--scale", "0.04")
    result = vitalhouse(home, "generate", "ecg", "--scale", "0.04", "--seed", "7")
    assert result.exit_code == 1
    assert "already there with other content" in result.output


def test_only_its_owner_enters_the_home(home: Home) -> None:
    vitalhouse(home, "generate", "ecg", "--scale", "0.04")
    for folder in (home.path, home.lake_path, home.dagster_home):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_status_before_the_first_build_says_what_to_do(home: Home) -> None:
    result = vitalhouse(home, "status")
    assert result.exit_code == 1
    assert "run `vitalhouse build` first" in result.output


def test_status_shows_deliveries_and_loads(built: Built) -> None:
    result = vitalhouse(built.home, "status")
    assert result.exit_code == 0
    assert re.search(r"ecg +sf_state +2020-12-01 +12 +10 +2 ", result.output)
    assert re.search(r"ecg +run_header +1 ", result.output)
    assert "Rejected files: none" in result.output


def test_notebooks_are_listed_with_what_they_show(home: Home) -> None:
    result = vitalhouse(home, "notebook")
    assert result.exit_code == 0
    assert re.search(r"(?m)^practice +Doctors' offices: revenue", result.output)


def test_a_notebook_opens_on_this_machine_and_asks_no_other(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it remembers of a session goes into the home: it is what the cells showed."""
    started: list[tuple[list[str], dict[str, str]]] = []

    def run(command: list[str], *, env: dict[str, str], **_: Any) -> Any:
        started.append((command, env))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(notebooks.subprocess, "run", run)
    assert vitalhouse(home, "notebook", "lake").exit_code == 0
    ((arguments, environment),) = started
    assert arguments[1:4] == ["-m", "marimo", "edit"]
    assert arguments[-1].endswith("notebooks/lake.py")
    assert {"127.0.0.1", "--skip-update-check"} <= set(arguments)
    assert environment[ENVIRONMENT_VARIABLE] == str(home.path)
    assert Path(environment["PYTHONPYCACHEPREFIX"]).is_relative_to(home.path)


def test_sql_on_nothing_says_what_to_do(home: Home) -> None:
    result = vitalhouse(home, "sql", "select 1")
    assert result.exit_code == 1
    assert result.output.splitlines() == ["error: nothing is published yet: run `vitalhouse build` first"]


def test_sql_answers_in_each_format(built: Built) -> None:
    query = "select subject_key, run_count from ecg.subject order by all limit 2"
    expected = [("sf_state:01", 3), ("sf_state:02", 6)]
    table = vitalhouse(built.home, "sql", query).output.splitlines()
    assert table[1].split() == ["subject_key", "run_count"]
    assert [tuple(line.split()) for line in table[3:]] == [(key, str(count)) for key, count in expected]
    rows = csv.DictReader(io.StringIO(vitalhouse(built.home, "sql", query, "--format", "csv").output))
    assert [(row["subject_key"], int(row["run_count"])) for row in rows] == expected
    records = json.loads(vitalhouse(built.home, "sql", query, "--format", "json").output)
    assert [(record["subject_key"], record["run_count"]) for record in records] == expected


def test_sql_reads_a_file(built: Built, tmp_path: Path) -> None:
    (tmp_path / "query.sql").write_text("-- how many\nselect 6 * 7 as answer;\n")
    assert vitalhouse(built.home, "sql", "--file", str(tmp_path / "query.sql")).output.split()[-1] == "42"


def test_every_saved_answer_runs(built: Built) -> None:
    answers = sorted((REPOSITORY / "dbt_project/analyses").rglob("*.sql"))
    assert answers
    for path in answers:
        result = vitalhouse(built.home, "sql", "--file", str(path))
        assert result.exit_code == 0, f"{path.name}: {result.output}"


def test_sql_on_the_warehouse_sees_what_is_not_published(built: Built) -> None:
    query = "select count(*) as n from raw.ecg_run_header"
    assert vitalhouse(built.home, "sql", query).exit_code == 1
    assert vitalhouse(built.home, "sql", "--warehouse", query).exit_code == 0


@pytest.mark.parametrize("where", [[], ["--warehouse"]], ids=["published", "warehouse"])
def test_sql_cannot_change_anything(built: Built, where: list[str]) -> None:
    result = vitalhouse(built.home, "sql", *where, "delete from ecg.run")
    assert result.exit_code == 1
    assert "read-only" in result.output


@pytest.mark.parametrize(
    "query", ["selec 1", "select nothing from ecg.run", "select * from nowhere", "select 'a'::int"]
)
def test_a_wrong_query_is_answered_in_one_line(built: Built, query: str) -> None:
    result = vitalhouse(built.home, "sql", query)
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert line.startswith("error: ")


def test_a_file_that_is_no_database_is_named(home: Home) -> None:
    home.ensure().published_path.write_text("no database")
    result = vitalhouse(home, "sql", "select 1")
    assert result.exit_code == 1
    assert "published.duckdb" in result.output
    assert "Traceback" not in result.output


def test_dbt_finds_its_paths_and_hands_its_exit_code_on(built: Built) -> None:
    good = command(built.home, "dbt", "--", "test", "--select", "subject", "--quiet")
    bad = command(built.home, "dbt", "--", "run", "--nonsense")
    assert good.wait() == 0, good.stderr and good.stderr.read()
    assert bad.wait() == 2


@pytest.mark.slow
def test_a_build_with_bad_input_names_it_last_and_ends_with_1(fresh: Built) -> None:
    vitalhouse(fresh.home, "generate", "ecg", "--scale", "0.04", "--bad-input")
    process = command(fresh.home, "build", "--measurement", "ecg")
    output, progress = process.communicate()
    assert process.returncode == 1, progress
    assert "Traceback" not in output + progress
    summary, _, refused = output.partition("rejected in this build (")
    assert re.search(r"^ecg\.run +\d+  new$", summary, re.MULTILINE)
    assert "waiting for their partner" in summary
    assert refused.startswith("14):")
    assert re.search(r"subject_9003/run_1\.csv, line 5002: expected a finite number", refused)
    again = fresh.build(measurement="ecg")
    assert again.is_good
    assert again.rejected_count == 0
    assert again.waiting_count > 0


def test_a_delivery_that_is_not_there_is_named_with_those_that_are(built: Built) -> None:
    result = vitalhouse(built.home, "build", "--delivery", "1999-01-01")
    assert result.exit_code == 2
    assert "there is no delivery 1999-01-01: the lake has sf_state/2020-01-01, sf_state/2020-12-01" in result.output


def test_a_failing_dbt_test_is_named_last_and_nothing_is_published(built: Built, fresh: Built) -> None:
    """A row that breaks a test of its raw table, as only a fault of ours could write it."""
    shutil.copytree(built.home.path, fresh.home.path, dirs_exist_ok=True)
    restore_parse_cache(fresh.home)
    before = fresh.home.published_path.stat().st_ino
    with open_warehouse(fresh.home.warehouse_path).write() as con:
        con.execute("insert into raw.practice_claim (clinic, id, _raw_path) values ('x', 1, 'gone')")
    # Nothing is new: asked for explicitly, it is built all the same.
    process = command(fresh.home, "build", "--measurement", "practice", "--full-refresh")
    output, progress = process.communicate()
    assert process.returncode == 1, progress
    assert "Traceback" not in output + progress
    *_, title, name, log = output.splitlines()
    assert title == "failed, so nothing was published (1):"
    assert "dbt test no_nulls_raw_practice_claim: Got 1 result" in name
    assert log == f"log: {fresh.home.build_log_path}"
    assert fresh.home.published_path.stat().st_ino == before


# A build of all sources is a slow test: 40 processor seconds. That of the practice alone fails in the same way.
@pytest.mark.parametrize("failing", ["practice", pytest.param(None, id="all", marks=pytest.mark.slow)])
def test_a_withdrawal_takes_effect_though_another_source_fails(fresh: Built, failing: str | None) -> None:
    """Nobody's readings wait in the published file for somebody else's mistake to be mended."""
    lake = Lake(fresh.home.lake_path)
    people = ("jo", "kim")
    put(
        lake,
        "2022-01",
        [customer(f"{name}@test.com", f"s-{name}", 1, 1) for name in people],
        [reading for name in people for reading in phone(f"{name}@test.com", 2)],
        [reading for name in people for reading in steps(f"s-{name}", 2)],
    )
    assert fresh.build(measurement="balance").is_good
    assert published_row_counts(fresh.home.published_path)["balance.machine_learning_curated"] == 2
    put(lake, "2022-02", [customer("jo@test.com", "s-jo", 9)])
    with open_warehouse(fresh.home.warehouse_path).write() as con:
        con.execute("insert into raw.practice_claim (clinic, id, _raw_path) values ('x', 1, 'gone'), ('x', 1, 'gone')")
    if failing:
        # Its own build does not load balance: as in Dagster, where each source is loaded on its own.
        load(lake, open_warehouse(fresh.home.warehouse_path))
    report = fresh.build(measurement=failing)
    assert any("practice" in line for line in report.failures), report.failures
    assert report.failures[-1] == (
        "balance.customer_curated, balance.machine_learning_curated: withheld (published empty) since a new "
        "delivery may withdraw a consent, until vitalhouse build --measurement balance ends well"
    )
    assert published_row_counts(fresh.home.published_path)["balance.machine_learning_curated"] == 0
    # Alone it builds, and what the practice left in the warehouse does not come out with it.
    assert fresh.build(measurement="balance").is_good
    assert published_row_counts(fresh.home.published_path)["balance.machine_learning_curated"] == 1
    assert not any(name.startswith("practice.") for name in published_row_counts(fresh.home.published_path))


def test_a_second_build_waits_its_turn_and_says_for_whom(built: Built, fresh: Built) -> None:
    with hold_lock(fresh.home.ensure().build_lock_path):
        process = command(fresh.home, "build", "--measurement", "ecg")
        assert process.stderr is not None
        line = process.stderr.readline()
        assert re.search(rf"another build is under way \(process {os.getpid()}, since .* UTC\): waiting", line)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
        assert "Traceback" not in process.stderr.read()


def test_status_during_a_build_answers_from_the_publication(built: Built, fresh: Built) -> None:
    shutil.copytree(built.home.path, fresh.home.path, dirs_exist_ok=True)
    holder = "import duckdb, sys; con = duckdb.connect(sys.argv[1]); print('holds', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(fresh.home.warehouse_path)], stdin=-1, stdout=-1, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holds\n"
        result = vitalhouse(fresh.home, "status")
        process.kill()
    assert result.exit_code == 0
    first, *rest = result.output.splitlines()
    assert f"process {process.pid}" in first
    assert "this is the state published at" in first
    assert any("2020-12-01" in line for line in rest)


def test_an_unexpected_error_is_one_line_without_debug(monkeypatch: Any, home: Home) -> None:
    def break_(*_: Any) -> None:
        raise ZeroDivisionError("deep inside")

    monkeypatch.setattr("orchestration.lib.query.status.status", break_)
    result = vitalhouse(home, "status")
    assert result.exit_code == 1
    assert "unexpected ZeroDivisionError: deep inside" in result.output
    assert isinstance(vitalhouse(home, "--debug", "status").exception, ZeroDivisionError)
