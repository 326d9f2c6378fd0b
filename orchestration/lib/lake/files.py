"""The lake: the one place that reaches files. List deliveries and directories, read raw files, write received ones.

Nothing here follows a symbolic link: a link may lead out of the lake. Nothing here changes a file once it is claimed.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BufferedReader
from itertools import groupby
from pathlib import Path

from orchestration.lib.core.files import flush_to_disk, write_atomically
from orchestration.lib.lake.delivery import LATEST, Delivery

# Names that programs give to a file they are still writing.
_UNFINISHED_SUFFIXES = (".part", ".tmp", ".crdownload")


@dataclass(frozen=True)
class DirectoryEntry:
    """A name found in the lake: a file, or something in a file's place that is none (``problem`` says what)."""

    raw_path: str
    size_bytes: int
    modified_ns: int
    problem: str | None = None


@dataclass(frozen=True)
class DirectoryListing:
    """What stands in one directory of a delivery, itself only; ``problem`` says why that cannot be known."""

    raw_path: str
    modified_ns: int
    entries: tuple[DirectoryEntry, ...] = ()
    directories: tuple[str, ...] = ()
    problem: str | None = None


class Lake:
    """A lake on a local path."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, relative: str) -> Path:
        """Where a path of the lake lies on this machine."""
        return self.root / relative

    def deliveries(self, measurement: str | None = None, clinic: str | None = None) -> list[Delivery]:
        """Every delivery that is there, in the order of measurement, clinic and name."""
        found = [
            Delivery(each_clinic, each_measurement, name)
            for each_clinic, each_measurement, folder in self.measurement_folders(measurement, clinic)
            for name in subdirectories(folder)
            if name != LATEST and not name.startswith(".")
        ]
        return sorted(found, key=lambda delivery: (delivery.measurement, delivery.clinic, delivery.name))

    def write_file(self, delivery: Delivery, name: str, content: bytes) -> str:
        """Write a file that was received into a dated delivery: whole and on disk before it has its name.

        Returns
        -------
        Its raw path.

        Raises
        ------
        OSError
            If it cannot be written. Nothing is there under its name then.
        FileExistsError
            If there is a file of that name: what was received is never changed.
        """
        folder = self.path(delivery.path)
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True)
            flush_to_disk(folder.parent)
        write_atomically(folder / name, lambda unfinished: unfinished.write_bytes(content), replace=False)
        return f"{delivery.path}/{name}"

    def modified_ns(self, relative: str) -> int | None:
        """Modification time of a directory; ``None`` if it is not there (or is no directory)."""
        try:
            # Asked for every directory of every delivery: a Path would take three times as long as the question.
            found = os.lstat(f"{self.root}/{relative}")
        except OSError:
            return None
        return found.st_mtime_ns if stat.S_ISDIR(found.st_mode) else None

    def list_directory(self, relative: str) -> DirectoryListing | None:
        """List one directory without following links; ``None`` if it is not there."""
        modified_ns = self.modified_ns(relative)
        if modified_ns is None:
            return None
        try:
            names = scan(self.path(relative))
        except OSError as error:
            why = f"it cannot be listed ({error.strerror}): mend that, and the next build looks into it"
            return DirectoryListing(relative, modified_ns, problem=why)
        entries: list[DirectoryEntry] = []
        directories: list[str] = []
        for found in names:
            status = None if is_unfinished(found.name) else entry_status(found)
            if status is None:
                continue
            child = f"{relative}/{_printable(found.name)}"
            problem = _problem(found, status)
            if problem is None and found.is_dir(follow_symlinks=False):
                directories.append(child)
            else:
                entries.append(DirectoryEntry(child, status.st_size, status.st_mtime_ns, problem))
        return DirectoryListing(relative, modified_ns, tuple(entries), tuple(directories))

    def open(self, raw_path: str) -> BufferedReader:
        """Open a raw file for reading, refusing a link in its place or in the place of a directory above it.

        Raises
        ------
        OSError
            If the file is gone, is or lies behind a link, or cannot be read.
        """
        folder, _, name = raw_path.rpartition("/")
        descriptor = self._open_folder(folder)
        try:
            return os.fdopen(_open_file(name, descriptor), "rb")
        finally:
            os.close(descriptor)

    def read_bytes(self, raw_path: str) -> bytes:
        """Read a whole raw file; raises as `open` does."""
        with self.open(raw_path) as file:
            return file.read()

    def read_all(self, raw_paths: Iterable[str]) -> Iterator[bytes | OSError]:
        """Read whole raw files, one after the other; what `open` would raise of one stands in its place.

        A folder is opened once for all of its files that follow each other: of many small ones, in half the time.
        """
        for folder, paths in groupby(raw_paths, key=lambda path: path.rpartition("/")[0]):
            try:
                descriptor = self._open_folder(folder)
            except OSError as error:
                yield from (error for _ in paths)
                continue
            try:
                for path in paths:
                    yield _content(path.rpartition("/")[2], descriptor)
            finally:
                os.close(descriptor)

    def _open_folder(self, relative: str) -> int:
        """A descriptor of a folder, reached without following a link."""
        # Step by step: O_NOFOLLOW refuses a link in the last part of a path alone, and a directory may have become a
        # link since the crawl.
        incoming, *below = relative.split("/")
        folder = os.open(self.root / incoming, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for part in below:
                above, folder = folder, os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
                os.close(above)
        except OSError:
            os.close(folder)
            raise
        return folder

    def measurement_folders(
        self, measurement: str | None = None, clinic: str | None = None
    ) -> Iterator[tuple[str, str, Path]]:
        """Find the folders of measurements: clinic, measurement and where the folder lies."""
        incoming = self.root / "incoming"
        for clinic_folder in subdirectories(incoming):
            name = clinic_folder.removeprefix("clinic=")
            if name == clinic_folder or not name or clinic not in (None, name):
                continue
            for folder in subdirectories(incoming / clinic_folder):
                found = folder.removeprefix("measurement=")
                if found != folder and found and measurement in (None, found):
                    yield name, found, incoming / clinic_folder / folder


def _content(name: str, folder: int) -> bytes | OSError:
    """What is in a file in an open folder, or why that is not known."""
    try:
        with os.fdopen(_open_file(name, folder), "rb", buffering=0) as file:
            return file.read() or b""  # None of a pipe that nobody has written to
    except OSError as error:
        return error


def _open_file(name: str, folder: int) -> int:
    """A descriptor of a file in an open folder, which is no link."""
    # Without O_NONBLOCK, a pipe in the file's place would hold us for ever.
    return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)


def scan(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def subdirectories(folder: Path) -> list[str]:
    try:
        entries = scan(folder)
    except OSError:
        return []
    return [
        entry.name for entry in entries if entry.is_dir(follow_symlinks=False) and _printable(entry.name) == entry.name
    ]


def is_unfinished(name: str) -> bool:
    return name.startswith(".") or name.lower().endswith(_UNFINISHED_SUFFIXES)


def _printable(name: str) -> str:
    """The name as valid Unicode: bytes that are not UTF-8 become escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def entry_status(entry: os.DirEntry[str]) -> os.stat_result | None:
    """What an entry is, links not followed; ``None`` if it has vanished since its directory was listed."""
    try:
        return entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None


def _problem(entry: os.DirEntry[str], status: os.stat_result) -> str | None:
    """Why an entry cannot be read as a raw file, in words for its provider; ``None`` if it can."""
    if _printable(entry.name) != entry.name:
        return "its name is not valid UTF-8: rename it and deliver it again"
    if entry.is_symlink():
        return "it is a symbolic link, and links are not followed: deliver the file itself"
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        return "it is not a regular file: deliver a file"
    return None
