"""Deliveries: their names, their paths, and when a file has settled."""

from typing import NamedTuple

LATEST = "latest"
# Long enough for a copy over a slow network to touch the file again, short enough not to be noticed.
SETTLE_SECONDS = 5.0


class Delivery(NamedTuple):
    """What one clinic delivered at one time of one measurement."""

    clinic: str
    measurement: str
    name: str

    @property
    def key(self) -> str:
        """The delivery's name where the clinic must be said too: ``sf_state/2020-01-01``."""
        return f"{self.clinic}/{self.name}"

    @property
    def path(self) -> str:
        """Path of the delivery relative to the lake."""
        return f"incoming/clinic={self.clinic}/measurement={self.measurement}/{self.name}"


def is_settled(modified_ns: int, settle_seconds: float, now: float) -> bool:
    """Whether a file has not changed for ``settle_seconds``; a time far in the future (a wrong clock) is settled."""
    return abs(now - modified_ns / 1e9) >= settle_seconds
