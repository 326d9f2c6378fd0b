"""A build that somebody types at a terminal: bars and the summary are shown, and the log is in its file."""

import fcntl
import os
import re
import struct
import subprocess
import sys
import termios

import duckdb

from orchestration.lib.core.home import ENVIRONMENT_VARIABLE, REPOSITORY, Home
from synthetic import practice
from synthetic.files import write_file
from tests.pipeline.conftest import Built

ROWS, COLUMNS = 50, 120


def build_on_a_terminal(home: Home, *arguments: str) -> tuple[int, str]:
    """Run `vitalhouse build` on a pseudo-terminal; gives its exit code and what the terminal got."""
    terminal, end_of_command = os.openpty()
    fcntl.ioctl(end_of_command, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    with subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli", "build", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, ENVIRONMENT_VARIABLE: str(home.path), "TERM": "xterm-256color"},
        stdin=end_of_command,
        stdout=end_of_command,
        stderr=end_of_command,
    ) as process:
        os.close(end_of_command)
        output = b""
        try:
            while received := os.read(terminal, 65_536):
                output += received
        except OSError:
            pass  # Linux ends a terminal without writers with EIO
        os.close(terminal)
    return process.returncode, output.decode()


def test_a_terminal_shows_bars_and_the_summary_and_the_file_has_the_log(fresh: Built) -> None:
    folder = fresh.home.lake_path / "incoming/clinic=family_practice/measurement=practice/2026-03-02"
    write_file(folder / "patient-2026-03-02.csv", practice.patient_file(1, 3))
    exit_code, shown = build_on_a_terminal(fresh.home, "--measurement", "practice")
    assert exit_code == 0, shown
    assert "\x1b[" in shown, "nothing is drawn"
    assert "\u2501" in shown, "there is no bar"
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    for task in ("Loading raw.practice_patient", "Building models and tests", "Publishing marts"):
        assert task in text
    assert re.search(r"^practice\.patient +3 +new *\r?$", text, re.MULTILINE)
    assert re.search(r"^published \d+ relations to ", text, re.MULTILINE)
    # A line of Dagster's log names the level and the job; a line of dbt's begins with the time.
    log_line = re.compile(r"\b(DEBUG|INFO|ERROR)\b|STEP_|RUN_START|dagster|^\d\d:\d\d:\d\d", re.MULTILINE)
    assert log_line.findall(text) == []
    with duckdb.connect(str(fresh.home.published_path), read_only=True) as con:
        columns = {name for (name,) in con.execute("select column_name from duckdb_columns()").fetchall()}
    assert "patient_key" in columns
    assert not {"phone_number", "first_name", "last_name"} & columns
    log = fresh.home.build_log_path.read_text()
    assert re.search(r"dagster - DEBUG - practice - .*STEP_SUCCESS", log)
    assert re.search(r"OK created .*practice\.patient", log)
