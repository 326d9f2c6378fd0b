"""Progress goes to a terminal, a pipe or a log."""

import logging
import os
import pty
import re
import subprocess
import sys

import pytest

from orchestration.lib.core import progress
from orchestration.lib.core.home import REPOSITORY

SCRIPT = """
from orchestration.lib.core import progress
with progress.showing_here():
    with progress.task("Counting sheep", total=300) as task:
        for _ in range(3):
            task.advance(100)
    progress.write("all asleep")
"""


def test_a_pipe_gets_plain_lines() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    first, second = done.stderr.splitlines()
    assert re.fullmatch(r"Counting sheep: 300 in \d+\.\d s", first)
    assert second == "all asleep"
    assert done.stdout == ""


def test_a_terminal_gets_bars() -> None:
    leader, follower = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", SCRIPT], cwd=REPOSITORY, stderr=follower) as process:
        os.close(follower)
        shown = b""
        # The kernel ends a read with an error when the last process has closed the terminal.
        while chunk := _read(leader):
            shown += chunk
        assert process.wait() == 0
    os.close(leader)
    assert "━".encode() in shown
    assert b"300/300" in shown
    assert b"all asleep" in shown


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:
        return b""


def test_a_log_gets_lines_unless_a_person_watches(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("run")
    with caplog.at_level(logging.INFO), progress.showing_in(log), progress.task("Counting", total=2) as task:
        task.advance(2)
    assert [record.message.split(" in ")[0] for record in caplog.records] == ["Counting: 2"]
    caplog.clear()
    with progress.showing_here(), progress.showing_in(log), progress.task("Counting"):
        pass
    assert caplog.records == []


def test_long_work_says_how_far_it_is(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    log = logging.getLogger("run")
    with caplog.at_level(logging.INFO), progress.showing_in(log), progress.task("Reading files", 2_000) as task:
        task.advance(1_000)
        task.set_total(3_000)
        task.advance()
        assert caplog.messages == ["Reading files: 1,000 of 2,000", "Reading files: 1,001 of 3,000"]


def test_what_is_shown_survives_that_output_is_turned_elsewhere() -> None:
    elsewhere = "import os; os.dup2(os.open(os.devnull, os.O_WRONLY), 2)"
    script = SCRIPT.replace("with progress.task", f"{elsewhere}\n    with progress.task")
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert "all asleep" in done.stderr
