"""The lake: the one place that reaches files. List deliveries and directories, read raw files, write received ones.

Nothing here follows a symbolic link: a link may lead out of the lake. Nothing here changes a file once it is claimed.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from io import BufferedReader
from itertools import groupby
from pathlib import Path

from orchestration.lib.core.files import flush_to_disk, write_atomically
from orchestration.lib.lake.delivery import LATEST, Delivery
from orchestration.lib.lake.directory import DirectoryListing, list_entries, subdirectories
from orchestration.lib.lake.no_follow import open_file, open_folder, read_file


class Lake:
    """A lake on a local path."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, relative: str) -> Path:
        """Return the path on this machine of a path of the lake."""
        return self.root / relative

    def deliveries(self, measurement: str | None = None, clinic: str | None = None) -> list[Delivery]:
        """List every delivery that is there, in the order of measurement, clinic and name."""
        deliveries = [
            Delivery(clinic_name, measurement_name, name)
            for clinic_name, measurement_name, folder in self.measurement_folders(measurement, clinic)
            for name in subdirectories(folder)
            if name != LATEST and not name.startswith(".")
        ]
        return sorted(deliveries, key=lambda delivery: (delivery.measurement, delivery.clinic, delivery.name))

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
        """Read the modification time of a directory; ``None`` if it is not there (or is no directory)."""
        try:
            # Called for every directory of every delivery: making a Path would take three times as long as the call.
            status = os.lstat(f"{self.root}/{relative}")
        except OSError:
            return None
        return status.st_mtime_ns if stat.S_ISDIR(status.st_mode) else None

    def list_directory(self, relative: str) -> DirectoryListing | None:
        """List one directory without following links; ``None`` if it is not there."""
        modified_ns = self.modified_ns(relative)
        if modified_ns is None:
            return None
        return list_entries(self.path(relative), relative, modified_ns)

    def open(self, raw_path: str) -> BufferedReader:
        """Open a raw file for reading, refusing a link in its place or in the place of a directory above it.

        Raises
        ------
        OSError
            If the file is gone, is or lies behind a link, or cannot be read.
        """
        folder, _, name = raw_path.rpartition("/")
        descriptor = open_folder(self.root, folder)
        try:
            return os.fdopen(open_file(name, descriptor), "rb")
        finally:
            os.close(descriptor)

    def read_bytes(self, raw_path: str) -> bytes:
        """Read a whole raw file; raises as `open` does."""
        with self.open(raw_path) as file:
            return file.read()

    def read_all(self, raw_paths: Iterable[str]) -> Iterator[bytes | OSError]:
        """Read whole raw files, one after the other; an error of `open` stands in a file's place.

        A folder is opened once for all of its files that follow each other: of many small ones, in half the time.
        """
        for folder, paths in groupby(raw_paths, key=lambda path: path.rpartition("/")[0]):
            try:
                descriptor = open_folder(self.root, folder)
            except OSError as error:
                yield from (error for _ in paths)
                continue
            try:
                for path in paths:
                    yield read_file(path.rpartition("/")[2], descriptor)
            finally:
                os.close(descriptor)

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
                measurement_name = folder.removeprefix("measurement=")
                if measurement_name != folder and measurement_name and measurement in (None, measurement_name):
                    yield name, measurement_name, incoming / clinic_folder / folder
