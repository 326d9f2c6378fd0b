"""One build at a time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.lib.home import REPOSITORY
from orchestration.lib.turn import NotYourTurn, turn


def test_the_holder_is_named(tmp_path: Path) -> None:
    with (
        turn(tmp_path / "lock"),
        pytest.raises(NotYourTurn, match=rf"process {os.getpid()}, since \d{{4}}-"),
        turn(tmp_path / "lock", wait=False),
    ):
        pass


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    script = f"""
from pathlib import Path
from orchestration.lib.turn import turn
with turn(Path({str(tmp_path / "lock")!r})):
    print("holds", flush=True)
    input()
"""
    with subprocess.Popen([sys.executable, "-c", script], cwd=REPOSITORY, stdin=-1, stdout=-1, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "holds\n"
        with pytest.raises(NotYourTurn), turn(tmp_path / "lock", wait=False):
            pass
        holder.kill()
    with turn(tmp_path / "lock", wait=False):
        assert str(os.getpid()) in (tmp_path / "lock").read_text()
