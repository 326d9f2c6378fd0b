"""Write generated files into the lake as a careful provider does: completely, and never over another file."""

import math
import os
import re
import time
from pathlib import Path

# A renamed file is complete at once. Its time is set back by far more than the 5 s for which the loader waits after a
# file's last change, so that the next build loads it without waiting.
_DATED_BACK_S = 60


def write_file(path: Path, content: bytes) -> None:
    """Write a file under a temporary name and rename it, so that nobody ever reads half of it.

    A file that already holds exactly this content is left alone, its modification time too: writing a delivery twice
    changes nothing.

    Raises
    ------
    FileExistsError
        If the file is there with other content. A delivery is the record of what was received; it is never changed.
    """
    if path.exists():
        if path.read_bytes() == content:
            return
        raise FileExistsError(
            f"{path} is already there with other content, from another seed perhaps; a delivery is never changed. "
            "Remove that delivery first, or generate into another VITALHOUSE_HOME."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    # Hidden and ending in .tmp: neither the claim nor the crawl looks at such a name.
    unfinished = path.with_name(f".{path.name}.tmp")
    unfinished.write_bytes(content)
    written_at = time.time() - _DATED_BACK_S
    os.utime(unfinished, (written_at, written_at))
    unfinished.replace(path)


def measurement_folder(incoming: Path, clinic: str, measurement: str) -> Path:
    """Return the folder of a clinic's deliveries of one measurement.

    Raises
    ------
    ValueError
        If the clinic's name is not allowed as a folder of the lake.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", clinic):
        raise ValueError(
            f"a clinic's name is letters, digits, '_', '-' and '.', beginning with one of the first two, not {clinic!r}"
        )
    return incoming / f"clinic={clinic}" / f"measurement={measurement}"


def check_seed(seed: int) -> int:
    """Check a seed and return it.

    Raises
    ------
    ValueError
        If it is negative, which NumPy does not allow.
    """
    if seed < 0:
        raise ValueError(f"seed must not be negative, not {seed}")
    return seed


def check_scale(scale: float) -> None:
    """Check a scale.

    Raises
    ------
    ValueError
        If it is not positive, or not finite.
    """
    if not (math.isfinite(scale) and scale > 0):
        raise ValueError(f"scale must be a positive number, not {scale}")
