"""The time now."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the time now in UTC, without a zone, as every timestamp of the warehouse is stored."""
    return datetime.now(UTC).replace(tzinfo=None)
