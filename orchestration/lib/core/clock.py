"""The time now."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The time now, UTC, without a zone: as every timestamp of the warehouse is kept."""
    return datetime.now(UTC).replace(tzinfo=None)
