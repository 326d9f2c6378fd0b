"""Open folders and files without following a symbolic link: a link may lead out of the lake."""

import os
from pathlib import Path


def open_folder(root: Path, relative: str) -> int:
    """Open a folder of the lake at ``root`` without following a link; give its descriptor.

    Raises
    ------
    OSError
        If it is gone, is or lies behind a link, or cannot be opened.
    """
    # Step by step: O_NOFOLLOW refuses a link in the last part of a path alone, and a directory may have become a
    # link since the crawl.
    incoming, *below = relative.split("/")
    folder = os.open(root / incoming, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in below:
            above, folder = folder, os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(above)
    except OSError:
        os.close(folder)
        raise
    return folder


def read_file(name: str, folder: int) -> bytes | OSError:
    """Read a file in an open folder; give the error if that fails."""
    try:
        with os.fdopen(open_file(name, folder), "rb", buffering=0) as file:
            return file.read() or b""  # None of a pipe that nobody has written to
    except OSError as error:
        return error


def open_file(name: str, folder: int) -> int:
    """Open a file in an open folder, which is no link; give its descriptor."""
    # Without O_NONBLOCK, a pipe in the file's place would hold us for ever.
    return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
