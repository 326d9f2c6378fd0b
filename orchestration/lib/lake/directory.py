"""List a directory of the lake: its files, its directories, and other things in a file's place."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

# Names that programs give to a file they are still writing.
_UNFINISHED_SUFFIXES = (".part", ".tmp", ".crdownload")


@dataclass(frozen=True)
class DirectoryEntry:
    """A file in the lake, or something else in a file's place (``problem`` says what)."""

    raw_path: str
    size_bytes: int
    modified_ns: int
    problem: str | None = None


@dataclass(frozen=True)
class DirectoryListing:
    """The entries of one directory, without those below it; ``problem`` says why they cannot be listed."""

    raw_path: str
    modified_ns: int
    entries: tuple[DirectoryEntry, ...] = ()
    directories: tuple[str, ...] = ()
    problem: str | None = None


def list_entries(folder: Path, relative: str, modified_ns: int) -> DirectoryListing:
    """List a directory; its path in the lake and its modification time are part of the result."""
    try:
        names = scan(folder)
    except OSError as error:
        why = f"it cannot be listed ({error.strerror}): mend that, and the next build looks into it"
        return DirectoryListing(relative, modified_ns, problem=why)
    entries: list[DirectoryEntry] = []
    directories: list[str] = []
    for entry in names:
        status = None if is_unfinished(entry.name) else entry_status(entry)
        if status is None:
            continue
        child = f"{relative}/{_printable(entry.name)}"
        problem = _problem(entry, status)
        if problem is None and entry.is_dir(follow_symlinks=False):
            directories.append(child)
        else:
            entries.append(DirectoryEntry(child, status.st_size, status.st_mtime_ns, problem))
    return DirectoryListing(relative, modified_ns, tuple(entries), tuple(directories))


def scan(folder: Path) -> list[os.DirEntry[str]]:
    """List a directory, by name."""
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def subdirectories(folder: Path) -> list[str]:
    """Name the directories in a directory; links and names that are not UTF-8 are left out."""
    try:
        entries = scan(folder)
    except OSError:
        return []
    return [
        entry.name for entry in entries if entry.is_dir(follow_symlinks=False) and _printable(entry.name) == entry.name
    ]


def is_unfinished(name: str) -> bool:
    """Decide whether a name is that of a hidden file, or of one that is still being written."""
    return name.startswith(".") or name.lower().endswith(_UNFINISHED_SUFFIXES)


def _printable(name: str) -> str:
    """Make valid Unicode of a name: bytes that are not UTF-8 become escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def entry_status(entry: os.DirEntry[str]) -> os.stat_result | None:
    """Read the status of an entry, links not followed; ``None`` if it has vanished since its directory was listed."""
    try:
        return entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None


def _problem(entry: os.DirEntry[str], status: os.stat_result) -> str | None:
    """Say why an entry cannot be read as a raw file, in words for its provider; ``None`` if it can."""
    if _printable(entry.name) != entry.name:
        return "its name is not valid UTF-8: rename it and deliver it again"
    if entry.is_symlink():
        return "it is a symbolic link, and links are not followed: deliver the file itself"
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        return "it is not a regular file: deliver a file"
    return None
