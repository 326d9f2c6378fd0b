"""One build at a time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.lib.core.home import REPOSITORY
from orchestration.lib.core.lock import LockHeld, hold_lock


def test_the_holder_is_named(tmp_path: Path) -> None:
    with (
        hold_lock(tmp_path / "lock"),
        pytest.raises(LockHeld, match=rf"process {os.getpid()}, since \d{{4}}-"),
        hold_lock(tmp_path / "lock", wait=False),
    ):
        pass


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    script = f"""
from pathlib import Path
from orchestration.lib.core.lock import hold_lock
with hold_lock(Path({str(tmp_path / "lock")!r})):
    print("holds", flush=True)
    input()
"""
    with subprocess.Popen([sys.executable, "-c", script], cwd=REPOSITORY, stdin=-1, stdout=-1, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "holds\n"
        with pytest.raises(LockHeld), hold_lock(tmp_path / "lock", wait=False):
            pass
        holder.kill()
    with hold_lock(tmp_path / "lock", wait=False):
        assert str(os.getpid()) in (tmp_path / "lock").read_text()
