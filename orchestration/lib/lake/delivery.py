"""Deliveries: their names, their paths, and when a file has settled."""

import re
from typing import NamedTuple

from orchestration.lib.core.errors import UsageError

# Names of clinics are folders of the lake and parts of keys, which are joined by colons.
_CLINIC = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
LATEST = "latest"
# Long enough for a copy over a slow network to touch the file again, short enough not to be noticed.
SETTLE_SECONDS = 5.0


class Delivery(NamedTuple):
    """The files that one clinic delivered at one time for one measurement."""

    clinic: str
    measurement: str
    name: str

    @property
    def key(self) -> str:
        """Return the delivery's name with its clinic: ``sf_state/2020-01-01``."""
        return f"{self.clinic}/{self.name}"

    @property
    def path(self) -> str:
        """Return the path of the delivery relative to the lake."""
        return f"incoming/clinic={self.clinic}/measurement={self.measurement}/{self.name}"


def is_settled(modified_ns: int, settle_seconds: float, now: float) -> bool:
    """Decide whether a file has settled: it has not changed for ``settle_seconds``, or its clock is far ahead."""
    return abs(now - modified_ns / 1e9) >= settle_seconds


def check_clinic(name: str) -> None:
    """Check the name of a clinic, an office or a study.

    Raises
    ------
    UsageError
        If it has other characters than a folder of the lake may have.
    """
    if not _CLINIC.fullmatch(name):
        raise UsageError(
            f"a clinic's name is letters, digits, '_', '-' and '.', beginning with one of the first two, not {name!r}"
        )
