"""A file is written whole or not at all."""

import os
from pathlib import Path

import pytest

from orchestration.lib.core.files import write_atomically


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_write_that_fails_leaves_the_earlier_file(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    write_atomically(path, lambda unfinished: unfinished.write_text("old"))

    def write(unfinished: Path) -> None:
        unfinished.write_text("ne")
        unfinished.with_name(unfinished.name + ".wal").write_text("w")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, write)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["figures.json"]
    write_atomically(path, lambda unfinished: unfinished.write_text("new"))
    assert path.read_text() == "new"


def test_a_file_that_may_not_be_replaced_stays(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_atomically(path, lambda unfinished: unfinished.write_text("first"), replace=False)
    with pytest.raises(FileExistsError):
        write_atomically(path, lambda unfinished: unfinished.write_text("second"), replace=False)
    assert path.read_text() == "first"
    assert names(tmp_path) == ["a"]


def test_what_a_killed_process_left_is_removed_and_what_another_writes_stays(tmp_path: Path) -> None:
    # No process has a number as high: the kernel's limit is 2**22.
    (tmp_path / f".a.{2**22 + 1}.tmp").write_text("half")
    (tmp_path / f".a.{2**22 + 1}.tmp.wal").write_text("")
    (tmp_path / f".a.{os.getppid()}.tmp").write_text("under way")
    (tmp_path / f".a.b.{2**22 + 1}.tmp").write_text("of another file")
    write_atomically(tmp_path / "a", lambda unfinished: unfinished.write_text("whole"))
    assert names(tmp_path) == sorted(["a", f".a.{os.getppid()}.tmp", f".a.b.{2**22 + 1}.tmp"])
