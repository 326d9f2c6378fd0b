"""What the workers of a test session share: a folder, and what one of them has made in it for all."""

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path


class Session:
    """The folder is known once the first fixture is made; who uses these modules without pytest shares nothing."""

    def __init__(self) -> None:
        self.folder: Path | None = None

    def made(self, name: str, make: Callable[[Path], object]) -> Path:
        """The folder of this name; who first asks for it makes it, while others who ask wait.

        It is to be copied before anything is changed in it, or opened that another process may not have open too.
        """
        assert self.folder is not None
        self.folder.mkdir(parents=True, exist_ok=True)
        folder, done = self.folder / name, self.folder / f"{name}.done"
        with (self.folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                make(folder)
                done.touch()
        return folder


SESSION = Session()
