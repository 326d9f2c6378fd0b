"""Write files whole or not at all."""

import glob
import os
from collections.abc import Callable
from pathlib import Path


def write_atomically(path: Path, write: Callable[[Path], object], *, replace: bool = True) -> None:
    """Write a file beside its place, and give it its name once all of it is on disk.

    A process that is killed meanwhile leaves the earlier file, and a hidden one that the next write removes.

    Parameters
    ----------
    write
        Writes the content to the path that it is given.
    replace
        Whether a file that has the name is replaced. If not, of two processes that write at once the first one wins.

    Raises
    ------
    FileExistsError
        If a file has the name, and ``replace`` is false.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    # Before the file has its name: after that, nobody might write it again and remove them.
    _remove_unfinished(path)
    try:
        write(unfinished)
        flush_to_disk(unfinished)
        if replace:
            unfinished.replace(path)
        else:
            path.hardlink_to(unfinished)
    finally:
        _remove_unfinished(path)
    flush_to_disk(path.parent)


def flush_to_disk(path: Path) -> None:
    """Wait until a file's content, or the names in a folder, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_unfinished(path: Path) -> None:
    """Remove temporary files of this process and of killed ones; DuckDB writes a log beside its own."""
    prefix = f".{path.name}."
    for file in path.parent.glob(f"{glob.escape(prefix)}*.tmp*"):
        pid = file.name.removeprefix(prefix).split(".")[0]
        if pid.isdecimal() and (int(pid) == os.getpid() or not _is_running(int(pid))):
            file.unlink(missing_ok=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
